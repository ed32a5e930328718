"""What this machine can tell, and of all else why it cannot, and what its owner can do about it.

There is no list of reasons to keep: a figure that is null has a declared source, and that is looked at.
"""

from __future__ import annotations

import errno
import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from pistat.cache import NoAnswerError
from pistat.collectors import ALL
from pistat.field import Collector, Field, Unit
from pistat.machine import board
from pistat.machine.firmware.client import MISUNDERSTOOD, FirmwareError, UnavailableError
from pistat.machine.reasons import DeviceError, Reason, Unavailable, obstructed
from pistat.parsers import vcgencmd
from pistat.parsers.values import Json

if TYPE_CHECKING:
    from pistat.machine.machine import Machine
    from pistat.monitor.monitor import Answer

FIELDS = (
    Field(
        "remedies[remedy]",
        Unit.TEXT,
        "What the owner can do, so that more can be read; empty when there is nothing.",
        "the rows below",
    ),
    Field(
        "capabilities[row].field", Unit.TEXT, "Path of a figure, as in the other answers.", "the declarations"
    ),
    Field(
        "capabilities[row].available", Unit.FLAG, "Whether it has a value now, anywhere.", "the other answers"
    ),
    Field(
        "capabilities[row].reason",
        Unit.TEXT,
        f"Why it has none: {', '.join(f'`{each}`' for each in Reason)}; null for what has one.",
        "a look at the source of the figure",
    ),
    Field(
        "capabilities[row].detail",
        Unit.TEXT,
        "The same as a sentence, with what can be done about it.",
        "a look at the source of the figure",
    ),
)

PATH = re.compile(r"/(?:dev|etc|proc|sys)/(?:[^\s,]|,(?!\s))+")
QUESTION = "firmware: "

CMA = (
    "A Raspberry Pi 5 can do so because of `cma=` in cmdline.txt: remove it, put `dtoverlay=cma` into "
    "config.txt in its place, then reboot."
)
"""https://github.com/raspberrypi/linux/issues/7230"""

SIGNS = (("no answer within", Reason.TIMED_OUT), (MISUNDERSTOOD, Reason.NOT_UNDERSTOOD))
"""By which words of a failure its reason is known, if it is no refusal."""

MENDABLE = (Reason.NO_PERMISSION, Reason.TIMED_OUT, Reason.REFUSED)
"""Of several reasons the first of these is told, for somebody can do something about it."""


def document(machine: Machine, answer: Answer) -> dict[str, Json]:
    """A row for each figure, of all of which `answer` has the values, and before them what can be done."""
    look = cache(partial(_source, machine))
    lacks = {
        field.path: None if _has_value(answer, field) else _why(machine, each, field, answer, look)
        for each in ALL
        for field in each.fields
    }
    rows: list[Json] = [
        {
            "field": path,
            "available": lack is None,
            "reason": lack.why.value if lack else None,
            "detail": lack.detail if lack else None,
        }
        for path, lack in lacks.items()
    ]
    mendable = (each for each in lacks.values() if each)
    remedies = dict.fromkeys(
        each.detail for each in mendable if each.why is Reason.NO_PERMISSION or each.detail.endswith(CMA)
    )
    return {"remedies": [*remedies], "capabilities": rows}


Look: TypeAlias = "Callable[[str], Unavailable | None]"


def _has_value(answer: Answer, field: Field) -> bool:
    return any(value is not None for value in _leaves(answer.values, field.steps))


def _why(machine: Machine, collector: Collector, field: Field, answer: Answer, look: Look) -> Unavailable:
    """Why a figure has no value anywhere, even if that cannot be looked into."""
    try:
        return _lack(machine, collector, field, answer, look)
    except OSError as error:
        # A folder that cannot be listed, or what tells which machine it is.
        return _unreadable(machine, str(error.filename or "Its source").removeprefix(machine.root), error)


def _lack(machine: Machine, collector: Collector, field: Field, answer: Answer, look: Look) -> Unavailable:
    """Why a figure has no value anywhere."""
    if not machine.linux:
        return Unavailable(Reason.NO_PLATFORM, "It is not known on this platform.")
    if field.when and not any(True for _ in _leaves(answer.values, field.steps)):
        return Unavailable(Reason.NO_VALUE, f"Only {field.when}; there is none.")
    told = answer.errors.get(field.key, "")
    # What has not answered the collector would not answer here.
    hangs = told == str(NoAnswerError(collector.deadline))
    if "firmware" in told and QUESTION not in field.source:
        # That was another figure of the same key.
        told = ""
    return (
        (field.unless(machine) if field.unless else None)
        or (None if hangs else look(field.source))
        or (_failure(_clause(told, field)) if told else None)
        or Unavailable(Reason.NO_VALUE, f"Its source tells nothing of it: {field.source}.")
    )


def _leaves(value: object, steps: Sequence[str]) -> Iterator[object]:
    """What stands at the end of `steps`, in each of the rows that have it."""
    # The processes are a table in a form of its own, until rows are made of them.
    if not steps or isinstance(value, tuple):
        yield value
    elif isinstance(value, dict):
        step, *rest = steps
        rows = value.values() if not step.isidentifier() else [value[step]] if step in value else []
        for each in rows:
            yield from _leaves(each, rest)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, steps[1:])


def _clause(told: str, field: Field) -> str:
    """Of what the reading of a key has told, that about the question of one figure, if it is named."""
    question = f" {field.source.partition(QUESTION)[2]} "
    return next((each for each in told.split("; ") if question in each), told)


def _failure(why: str) -> Unavailable:
    """What a reading that failed has told."""
    reason = next((each for sign, each in SIGNS if sign in why), Reason.REFUSED)
    return Unavailable(reason, f"{why[0].upper()}{why[1:]}.")


def _source(machine: Machine, source: str) -> Unavailable | None:
    """Why none of the places that a source names can be read; None where one of them can."""
    lacks: list[Unavailable] = []
    for place in source.split(", else "):
        path = PATH.search(place)
        if place.startswith(QUESTION):
            lack = board.no_videocore(machine) or _question(machine, place.removeprefix(QUESTION))
        elif path:
            lack = _file(machine, path[0])
        else:
            continue
        if lack is None:
            return None
        lacks.append(lack)
    return next((each for why in MENDABLE for each in lacks if each.why is why), lacks[0] if lacks else None)


def _question(machine: Machine, question: str) -> Unavailable | None:
    access = machine.firmware.access
    if access.way is None:
        return _refused(machine, Unavailable(access.why or Reason.REFUSED, access.detail))
    try:
        told = machine.firmware.ask(question)
    except UnavailableError:
        return Unavailable(Reason.NO_MODEL, f"The firmware of this board does not know `{question}`.")
    except FirmwareError as error:
        return _refused(machine, _failure(str(error)))
    if vcgencmd.clock(told) == 0:
        return Unavailable(
            Reason.NO_MODEL, f"The firmware answers 0 to `{question}`, as for every clock it does not know."
        )
    return None


def _refused(machine: Machine, lack: Unavailable) -> Unavailable:
    """The same, with what to do about a firmware that refuses everything, where the cause is known."""
    by_cma = lack.why is Reason.REFUSED and "cma=" in (machine.read_or_none("/proc/cmdline") or "")
    if not by_cma or board.no_rails(machine):
        return lack
    return lack._replace(detail=f"{lack.detail} {CMA}")


def _file(machine: Machine, pattern: str) -> Unavailable | None:
    """Why no file of a pattern can be read."""
    paths = _matches(machine, pattern)
    lack = None if paths else Unavailable(Reason.NO_FILE, f"There is no {pattern}.")
    for path in paths:
        try:
            machine.read_bytes(path, 1)
        except IsADirectoryError:
            return None
        except OSError as error:
            lack = _unreadable(machine, path, error)
        else:
            return None
    return lack


def _unreadable(machine: Machine, path: str, error: OSError) -> Unavailable:
    if isinstance(error, PermissionError):
        return Unavailable(Reason.NO_PERMISSION, _remedy(machine, path, error.errno or errno.EACCES))
    return Unavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror}.")


def _matches(machine: Machine, pattern: str) -> list[str]:
    found = [""]
    for part in pattern.strip("/").split("/"):
        found = [
            f"{folder}/{name}"
            for folder in found
            for name in (fnmatch.filter(machine.names(folder), part) if "*" in part else [part])
        ]
    return [each for each in found if machine.exists(each)]


def _remedy(machine: Machine, path: str, code: int) -> str:
    group = machine.group(path)
    if group is None:
        return f"{path} is for root only."
    return obstructed([DeviceError(path, code, group)], machine.me()).detail
