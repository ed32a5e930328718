"""Which readings this machine has; for the others, why not and how to get them.

There is no list of reasons to keep: a reading that is null has a declared source, and that is looked at.
"""

from __future__ import annotations

import errno
import fnmatch
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from pistat.cache import NoAnswerError
from pistat.collectors import ALL, processes
from pistat.field import Call, Derived, Field, File, Place, Question, Source, Unit, alternatives, places
from pistat.machine import board
from pistat.machine.firmware.client import FirmwareError, UnavailableError
from pistat.machine.reasons import DeviceError, Reason, Unavailable, clause, reason, why_no_device
from pistat.parsers import vcgencmd
from pistat.parsers.values import Json

if TYPE_CHECKING:
    from pistat.machine.machine import Machine
    from pistat.monitor.monitor import Answer

LOOK = Derived("a look at the source of the reading")

FIELDS = (
    Field(
        "remedies[remedy]",
        Unit.TEXT,
        "What the owner can do to get more readings; empty when there is nothing.",
        Derived("the rows below"),
    ),
    Field(
        "capabilities[row].field",
        Unit.TEXT,
        "Path of a reading, as in the other answers.",
        Derived("the list of all readings"),
    ),
    Field(
        "capabilities[row].available",
        Unit.FLAG,
        "Whether it has a value now, anywhere.",
        Derived("the other answers"),
    ),
    Field(
        "capabilities[row].reason",
        Unit.TEXT,
        f"Why it has none: {', '.join(f'`{word}`' for word in Reason if word is not Reason.PARTIAL)}; "
        "`partial` for what has some of its values, but not all; null for what has all.",
        LOOK,
    ),
    Field(
        "capabilities[row].detail",
        Unit.TEXT,
        "The same as a sentence, with what can be done about it.",
        LOOK,
    ),
)

CMA = (
    "A Raspberry Pi 5 can do so because of `cma=` in cmdline.txt: remove it, put `dtoverlay=cma` into "
    "config.txt in its place, then reboot."
)
"""https://github.com/raspberrypi/linux/issues/7230"""

FIXABLE = (Reason.NO_PERMISSION, Reason.TIMED_OUT, Reason.REFUSED)
"""Of several reasons the first of these is given, for somebody can do something about it."""


def document(machine: Machine, answer: Answer) -> dict[str, Json]:
    """Return a row for each reading, given all of them in `answer`, and before them what can be done."""
    look = cache(partial(_look, machine))
    lacks = {
        field.path: _part(machine, field) if _has_value(answer, field) else _why(machine, field, answer, look)
        for collector in ALL
        for field in collector.fields
    }
    rows: list[Json] = [
        {
            "field": path,
            "available": lack is None or lack.why is Reason.PARTIAL,
            "reason": lack.why.value if lack else None,
            "detail": lack.detail if lack else None,
        }
        for path, lack in lacks.items()
    ]
    remedies = dict.fromkeys(
        lack.detail for lack in lacks.values() if lack and (lack.fixable or lack.why is Reason.NO_PERMISSION)
    )
    return {"remedies": [*remedies], "capabilities": rows}


FIELDS_BY_PATH = {field.path: field for collector in ALL for field in collector.fields}


def why_null(machine: Machine, path: str, answer: Answer) -> Unavailable:
    """Return why a reading is null, given an answer with its key."""
    return _why(machine, FIELDS_BY_PATH[path], answer, partial(_look, machine))


Look: TypeAlias = "Callable[[File | Question], Unavailable | None]"
"""Why something cannot be read; None where it can."""


def _has_value(answer: Answer, field: Field) -> bool:
    return any(value is not None for value in _leaves(answer.values, field.steps))


def _part(machine: Machine, field: Field) -> Unavailable | None:
    """Return why some values of a reading are not shown; None where all are."""
    lack = field.partial(machine) if field.partial else None
    return lack._replace(why=Reason.PARTIAL) if lack else None


def _why(machine: Machine, field: Field, answer: Answer, look: Look) -> Unavailable:
    """Return why a reading has no value anywhere, even if that cannot be looked into."""
    try:
        return _lack(machine, field, answer, look)
    except OSError as error:
        # A folder that cannot be listed, or what tells which machine it is.
        return _unreadable(machine, str(error.filename or "Its source").removeprefix(machine.root), error)


def _lack(machine: Machine, field: Field, answer: Answer, look: Look) -> Unavailable:
    """Return why a reading has no value anywhere."""
    if not machine.linux:
        return Unavailable(Reason.NO_PLATFORM, "It is not known on this platform.")
    if field.when and not any(True for _ in _leaves(answer.values, field.steps)):
        return Unavailable(Reason.NO_VALUE, f"Only {field.when}; there is none.")
    failure = _failure(answer.failures.get(field.key, ()), field.source)
    # What has not answered the collector would not answer here.
    hangs = isinstance(failure, NoAnswerError)
    return (
        (field.unless(machine) if field.unless else None)
        or (None if hangs else _unreadable_source(field.source, look))
        or (_described(failure) if failure else None)
        or Unavailable(Reason.NO_VALUE, f"Its source says nothing of it: {field.source}.")
    )


def _leaves(value: object, steps: Sequence[str]) -> Iterator[object]:
    """Yield what stands at the end of `steps`, in each of the rows that have it."""
    if isinstance(value, processes.ProcessTables):
        value = processes.top(value, "pid", len(value.newer.processes))
    if not steps:
        yield value
    elif isinstance(value, dict):
        step, *rest = steps
        rows = value.values() if not step.isidentifier() else [value[step]] if step in value else []
        for row in rows:
            yield from _leaves(row, rest)
    elif isinstance(value, list):
        for row in value:
            yield from _leaves(row, steps[1:])


def _failure(failures: Iterable[BaseException], source: Source) -> BaseException | None:
    """Return the failure that concerns `source`: of its own question, else of all that is read with it."""
    questions = {place.text for place in places(source) if isinstance(place, Question)}
    general = None
    for failure in failures:
        if not isinstance(failure, FirmwareError) or (questions and not failure.question):
            general = failure
        elif failure.question in questions:
            return failure
    return general


def _described(failure: BaseException) -> Unavailable:
    text = clause(failure)
    return Unavailable(reason(failure), f"{text[0].upper()}{text[1:]}.")


def _unreadable_source(source: Source, look: Look) -> Unavailable | None:
    """Return why none of the places of a source can be read; None where one can, or cannot be looked at."""
    lacks: list[Unavailable] = []
    for place in alternatives(source):
        inputs = list(_visible(place))
        found = [lack for lack in map(look, inputs) if lack]
        if inputs and not found:
            return None
        lacks += found
    fixable = next((lack for why in FIXABLE for lack in lacks if lack.why is why), None)
    return fixable or _together(lacks)


def _together(lacks: Sequence[Unavailable]) -> Unavailable | None:
    """Return the first of some lacks; its sentence is followed by those of others for the same reason."""
    if not lacks:
        return None
    alike = dict.fromkeys(lack.detail for lack in lacks if lack.why is lacks[0].why)
    return lacks[0]._replace(detail=" ".join(alike))


def _visible(place: Place) -> Iterator[File | Question]:
    """Yield what can be looked at of a place: the results of a call are seen in a file at most."""
    for part in places(place):
        if not isinstance(part, Call):
            yield part
        elif part.shown_in:
            yield part.shown_in


def _look(machine: Machine, place: File | Question) -> Unavailable | None:
    if isinstance(place, Question):
        return board.no_videocore(machine) or _question(machine, place.text)
    return _file(machine, place.path)


def _question(machine: Machine, question: str) -> Unavailable | None:
    access = machine.firmware.access
    if access.way is None:
        return _refused(machine, Unavailable(access.why or Reason.REFUSED, access.detail))
    try:
        told = machine.firmware.ask(question)
    except UnavailableError:
        return Unavailable(Reason.NO_MODEL, f"The firmware of this board does not know `{question}`.")
    except FirmwareError as error:
        return _refused(machine, _described(error))
    if vcgencmd.clock(told) == 0:
        return Unavailable(
            Reason.NO_MODEL, f"The firmware answers 0 to `{question}`, as for every clock it does not know."
        )
    return None


def _refused(machine: Machine, lack: Unavailable) -> Unavailable:
    """Add what to do about a firmware that refuses everything, where the cause is known."""
    by_cma = lack.why is Reason.REFUSED and "cma=" in (machine.read_or_none("/proc/cmdline") or "")
    if not by_cma or board.no_rails(machine):
        return lack
    return lack._replace(detail=f"{lack.detail} {CMA}", fixable=True)


def _file(machine: Machine, pattern: str) -> Unavailable | None:
    """Return why no file of a pattern can be read."""
    lack = Unavailable(Reason.NO_FILE, f"There is no {pattern}.")
    for path in _matches(machine, pattern.strip("/").split("/")):
        try:
            _open(machine, path)
        except OSError as error:
            lack = _unreadable(machine, path, error)
        else:
            return None
    return lack


def _open(machine: Machine, path: str) -> None:
    """Read a byte of a file, or list a folder. Raises OSError."""
    try:
        machine.read_bytes(path, 1)
    except IsADirectoryError:
        machine.names(path)


def _unreadable(machine: Machine, path: str, error: OSError) -> Unavailable:
    if isinstance(error, PermissionError):
        return Unavailable(Reason.NO_PERMISSION, _remedy(machine, path, error.errno or errno.EACCES))
    return Unavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror}.")


def _matches(machine: Machine, parts: Sequence[str], folder: str = "") -> Iterator[str]:
    """Yield the paths below `folder` that match, one at a time: the first is nearly always enough."""
    if parts:
        for name in _names(machine, folder, parts[0]):
            yield from _matches(machine, parts[1:], f"{folder}/{name}")
    elif machine.exists(folder):
        yield folder


def _names(machine: Machine, folder: str, part: str) -> list[str]:
    """Return the names in `folder` that a part of the path of a `File` stands for."""
    if part == "PID":
        return list(filter(str.isdecimal, machine.names(folder)))
    return fnmatch.filter(machine.names(folder), part) if "*" in part else [part]


def _remedy(machine: Machine, path: str, code: int) -> str:
    group = machine.group(path)
    if group is None:
        return f"{path} is for root only."
    return why_no_device([DeviceError(path, code, group)], machine.own_user()).detail
