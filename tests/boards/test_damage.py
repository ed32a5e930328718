"""Unknown is null with a reason, whichever source of a board is emptied, truncated, absent or refused.

By default four boards of different kinds; `--all-boards` takes all.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pistat.cache import attempt
from pistat.collectors import ALL, processes
from pistat.field import (
    Call,
    Collector,
    Field,
    File,
    Incomplete,
    Kind,
    Question,
    Values,
    alternatives,
    places,
)
from pistat.formats import openapi, prometheus
from pistat.machine.reasons import Reason
from pistat.monitor import capabilities
from pistat.monitor.monitor import Answer
from support.answer_shape import mismatches, named_leaves, outside, pattern
from support.machines.damaged_machine import (
    DAMAGES,
    Change,
    DamagedMachine,
    Source,
    absent,
    emptied,
    refused,
    truncated,
)
from support.recorded_machine import BOARDS, DATA_ROUTES, board_names

if TYPE_CHECKING:
    import pytest

FOUR = ("pi5-8gb-nvme", "pi2b-docker", "zero2w-wifi", "pc-x86")
"""The newest with most readings, one with containers, a small one on Wi-Fi, and no Raspberry Pi."""

SCHEMAS = {
    key: schema for route in DATA_ROUTES for key, schema in openapi.schema(route)["properties"].items()
}


class Reading(NamedTuple):
    """What a collector has read of a damaged board."""

    machine: DamagedMachine
    collector: Collector
    values: Values
    failures: tuple[BaseException, ...]

    @property
    def answer(self) -> Answer:
        keys = self.collector.keys
        return Answer(self.values, dict.fromkeys(keys, self.failures) if self.failures else {}, 0.0)

    @property
    def document(self) -> Values:
        return {
            key: processes.top(value, "pid", len(value.newer.processes))
            if isinstance(value, processes.ProcessTables)
            else value
            for key, value in self.values.items()
        }


def read(board: str, collector: Collector, damage: dict[Source, Change]) -> Reading:
    """Run a collector as the monitor does: what it raises nulls all that it owns."""
    machine = DamagedMachine(BOARDS / board, damage)
    outcome = attempt(functools.partial(collector.collect, machine), 0.0)
    if isinstance(outcome.value, Incomplete):
        return Reading(machine, collector, outcome.value.values, outcome.value.failures)
    if outcome.error is not None:
        return Reading(machine, collector, collector.nulls(machine), (outcome.error,))
    assert outcome.value is not None
    return Reading(machine, collector, outcome.value, ())


class Whole(NamedTuple):
    """A board as it was recorded: what its collectors read, and from which sources."""

    readings: dict[Collector, Reading]
    leaves: dict[Collector, dict[str, Any]]
    readers: dict[Source, set[Collector]]


@functools.cache
def whole(board: str) -> Whole:
    readings = {collector: read(board, collector, {}) for collector in ALL}
    readers: dict[Source, set[Collector]] = defaultdict(set)
    for collector, reading in readings.items():
        for source in reading.machine.seen:
            readers[source].add(collector)
    leaves = {collector: named_leaves(reading.document) for collector, reading in readings.items()}
    return Whole(readings, leaves, readers)


class Case(NamedTuple):
    """One reading of a board with one damage, beside what the whole board gives."""

    source: Source
    damage: Change
    reading: Reading
    before: dict[str, Any]
    after: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.source.kind} {self.source.name} {self.damage.__name__}"


@functools.cache
def cases(board: str) -> list[Case]:
    """All readings of a board with one source damaged."""
    found = []
    for source, collectors in sorted(whole(board).readers.items()):
        for damage in DAMAGES:
            for collector in sorted(collectors, key=lambda each: each.name):
                reading = read(board, collector, {source: damage})
                before, after = whole(board).leaves[collector], named_leaves(reading.document)
                found.append(Case(source, damage, reading, before, after))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = metafunc.config.getoption("--all-boards")
    metafunc.parametrize("board", board_names() if every else FOUR)


# What is read from where


def patterns(path: str) -> Iterator[re.Pattern[str]]:
    """What the path of a file, or of a folder on the way to it, looks like."""
    steps = path.strip("/").split("/")
    for end in range(1, len(steps) + 1):
        escaped = re.escape("/" + "/".join(steps[:end]))
        escaped = escaped.replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace("/PID", r"/\d+")
        yield re.compile(escaped)


@functools.cache
def covers(place: File | Question | Call, source: Source) -> bool:
    """Whether what is declared stands for what is damaged."""
    if isinstance(place, Call):
        shown = place.shown_in is not None and covers(place.shown_in, source)
        return shown or (source.kind == "call" and source.name.split()[0] == place.name)
    if isinstance(place, Question):
        return source.kind == "question" or source.name in FIRMWARE
    if source.kind == "file":
        return any(each.fullmatch(source.name) for each in list(patterns(place.path))[-1:])
    return source.kind == "folder" and any(each.fullmatch(source.name) for each in patterns(place.path))


FIRMWARE = ("/usr/bin/vcgencmd", "/opt/vc/bin/vcgencmd", "/proc/device-tree/model")
"""What the way to the firmware is known by. One question that fails lets it rest: others fail with it."""


@functools.cache
def is_read_from(field: Field, source: Source) -> bool:
    return any(covers(place, source) for place in places(field.source))


@functools.cache
def finds(collector: Collector, source: Source) -> bool:
    """Whether a collector finds what it reads by that source, or reads all of it there."""
    return any(covers(place, source) for each in collector.finds for place in places(each))


@functools.cache
def field_of(collector: Collector, leaf: str) -> Field:
    """The declaration of a leaf."""
    plain = re.sub(r"\.?\[[^\]]*\]", "[0]", leaf)
    return next(
        field
        for field in collector.fields
        if pattern(field).fullmatch(leaf) or pattern(field).fullmatch(plain)
    )


# What is as it should be although it looks otherwise


class Explanation(NamedTuple):
    """Why leaves are as they are with damages of sources, each by a regular expression."""

    leaf: str
    source: str
    damages: tuple[Change, ...]
    why: str


FIRMWARE_FAILS = r"/usr/bin/vcgencmd|[a-z][a-z_]+(?: \w+)*"
"""Any question: after one that is refused the firmware is left alone for a while."""

ZEROS = (
    Explanation(
        r"interfaces\..+\.physical",
        r"/sys/class/net/[^/]+/device",
        (absent,),
        "That there is none is the reading.",
    ),
    Explanation(
        r"system\.clock_synchronized",
        r"/run/systemd/timesync/synchronized",
        (absent,),
        "That there is none is the reading.",
    ),
    Explanation(
        r"swap\.bytes_(?:in|out)",
        r"/proc/meminfo",
        DAMAGES,
        "The kernel counts that elsewhere, and nobody knows that there is no swap.",
    ),
    Explanation(
        r"power\.under_voltage",
        FIRMWARE_FAILS,
        DAMAGES,
        "The kernel has an alarm for it.",
    ),
    Explanation(
        r"hardware\.usb_devices", r"/sys/bus/usb/devices", (emptied,), "A bus without devices has none."
    ),
    Explanation(
        r"containers\.\[.+\]\.processes",
        r"/sys/fs/cgroup/.*/cgroup\.procs",
        (emptied,),
        "An empty list of processes is one of none.",
    ),
    Explanation(
        r"container_count",
        r"/sys/fs/cgroup/.*/(?:cgroup\.procs|cpu\.stat)",
        (absent,),
        "A cgroup without its files has just gone.",
    ),
)

ALL_FAIL = (
    Explanation(
        r"hardware\..+",
        r"/proc/device-tree/(?:model|compatible|system/linux,revision)",
        (refused,),
        "Which board it is decides over all the rest.",
    ),
    Explanation(
        r"hardware\.bootloader_(?:outdated|updated)",
        rf"{FIRMWARE_FAILS}|/proc/device-tree/chosen/bootloader/build-timestamp",
        DAMAGES,
        "Nobody knows which bootloader there is.",
    ),
    Explanation(
        r"(?:failed.*|state)", r"/run/dbus/system_bus_socket", (absent,), "It is the way to systemd."
    ),
    Explanation(
        r"interfaces\..+\.physical",
        r"/sys/class/net/[^/]+",
        (absent,),
        "Nobody knows whether something stands behind what /sys does not have.",
    ),
    Explanation(
        r"containers\.\[.+\]\.memory_source", r"/(?:proc|sys/fs/cgroup)/.+", DAMAGES, "Nor is there a memory."
    ),
)


def explained(table: Sequence[Explanation], case: Case, leaf: str) -> bool:
    return any(
        re.fullmatch(each.leaf, leaf)
        and re.fullmatch(each.source, case.source.name)
        and case.damage in each.damages
        for each in table
    )


# The claims


def test_the_shape_and_the_bounds_hold(board: str) -> None:
    """Every answer has its shape, and every number is where openapi.json says that it is."""
    for case in cases(board):
        document = case.reading.document
        assert mismatches(document, case.reading.collector.fields) == [], case
        wrong = [each for key, value in document.items() for each in outside(value, SCHEMAS[key], key)]
        assert wrong == [], case


def test_no_0_is_made_up(board: str) -> None:
    """What was no 0, or no false, is null then, and neither 0 nor false; but what is explained below."""
    for case in cases(board):
        for leaf, value in case.after.items():
            if (value is False or value == 0) and case.before.get(leaf, value) != value:
                assert explained(ZEROS, case, leaf), f"{leaf} was {case.before[leaf]}, and is {value}: {case}"


def test_what_remains_of_a_0_is_measured(board: str) -> None:
    """What was 0 is null when the one file that it is read from is damaged: 0 is not the lack of a file."""
    for case in cases(board):
        for leaf, value in case.after.items():
            field = field_of(case.reading.collector, leaf)
            if case.damage is truncated or not reads_one_file(field, case.source):
                continue
            if value is False or value == 0:
                assert explained(ZEROS, case, leaf), f"{leaf} is still {value}: {case}"


def reads_one_file(field: Field, source: Source) -> bool:
    """Whether a source is all that a leaf is read from."""
    one = alternatives(field.source)
    return (
        len(one) == 1 and isinstance(one[0], File) and "*" not in one[0].path and one[0].path == source.name
    )


def test_the_others_go_on(board: str) -> None:
    """In a row that is still there, only that is null which is read or found by what is damaged."""
    for case in cases(board):
        rows = {row_of(leaf) for leaf in case.after}
        for leaf, value in case.before.items():
            if value is None or case.after.get(leaf) is not None or row_of(leaf) not in rows:
                continue
            collector = case.reading.collector
            if not is_read_from(field_of(collector, leaf), case.source) and not finds(collector, case.source):
                assert explained(ALL_FAIL, case, leaf), f"{leaf} was {value}: {case}"


def row_of(leaf: str) -> str:
    return leaf.rpartition(".")[0]


def lost(case: Case, board: str) -> list[Field]:
    """The fields that have no value any more."""
    collector = case.reading.collector
    before, after = whole(board).readings[collector].answer, case.reading.answer
    return [
        field
        for field in collector.fields
        if capabilities._has_value(before, field) and not capabilities._has_value(after, field)
    ]


def test_null_has_its_reason(board: str) -> None:
    """/capabilities has a sentence for what is lost, and the right reason for what is read from one file."""
    for case in cases(board):
        for field in lost(case, board):
            lack = capabilities.why_null(case.reading.machine, field.path, case.reading.answer)
            assert lack.detail.endswith("."), case
            assert lack.why not in {Reason.NO_PLATFORM, Reason.PARTIAL, Reason.HIDDEN}, (field.path, case)
            if reads_one_file(field, case.source):
                assert lack.why in REASONS[case.damage], (field.path, lack, case)


REASONS = {
    emptied: {Reason.NO_VALUE, Reason.NOT_UNDERSTOOD},
    truncated: {Reason.NO_VALUE, Reason.NOT_UNDERSTOOD},
    absent: {Reason.NO_FILE},
    refused: {Reason.NO_PERMISSION},
}


def test_metrics_have_no_sample_of_null(board: str) -> None:
    """Each number has its sample, and what is null has none."""
    for case in cases(board):
        text = "".join(prometheus.MEASURED.text(prometheus.bounded(case.reading.values), openmetrics=False))
        given = {line.partition("{")[0].partition(" ")[0] for line in text.splitlines() if line[0] != "#"}
        for field in lost(case, board):
            if field in prometheus.FIELDS and field.series in {Kind.GAUGE, Kind.COUNTER}:
                names = {family.series for family in prometheus._numbers(field)}
                assert not names & given, (field.path, case)
