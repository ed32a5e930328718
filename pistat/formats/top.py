"""One screen for a terminal: what is wrong, the main readings, the last hour.

It is at most 80 columns wide and 23 lines high, so that a prompt fits below it. Names from the machine may
have been chosen by strangers: only plain ASCII and letters of one column are shown of them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from pistat.collectors import processes
from pistat.compression import Body
from pistat.diagnosis.report import Diagnosis
from pistat.formats import history
from pistat.formats.findings import seen
from pistat.formats.quantities import NO_BREAK, NONE, counted, hertz, lasting, memory, size, speed
from pistat.formats.terminal import DEGREE, plain
from pistat.history.history import Curves, History
from pistat.monitor.monitor import Answer, Monitor

KEYS = (
    *(
        "cpu_temp",
        "cpu_freq",
        "cpu_usage",
        "memory",
        "swap",
        "uptime",
        "load_avg",
        "power",
        "hardware",
        "system",
    ),
    *("fans", "pmic", "interfaces", "devices", "processes"),
)
"""The top-level keys that it shows."""

CURVES = ("cpu_usage", "cpu_temp")
"""The series of the history that it draws."""

WIDTH, HEIGHT = 80, 23
"""Columns, and lines: one of 24 is left for the prompt."""

LABEL, BAR, DRAWN, NEXT = 13, 20, 18, 16
"""Columns of a label, of a bar, of a curve, and of the words before a line to copy."""

ELSEWHERE = "at the address of this screen without /top, in a browser"
"""What stands in place of an address that is too long to be copied."""

WORDS = {"ok": "OK", "info": "NOTE", "warning": "WARN", "critical": "BAD"}
"""How bad it is, in a word that needs no colour."""

COLOURS = {"OK": "1;32", "NOTE": "1;36", "WARN": "1;33", "BAD": "1;31"}
BOLD, DIM, YELLOW, RED = "1", "2", "33", "31"
"""What stands between `ESC [` and `m`."""

FINDINGS, FINDING_LINES = 3, 6
"""How many findings are shown, and how many lines they share."""

RANKS_OF_DISKS = (0, 3, 8)
RANKS_OF_INTERFACES = (0, 4, 9)
"""How many of them are shown, and when each is left out."""

BUSIEST = 3
KEPT = 16
"""How many screens of one moment are kept, for clients that call this machine by different names."""

COOL, HOT = 30.0, 90.0
"""°C at the ends of the bar."""

SLOWS_AT = 80
SOFT_LIMIT_AT = 60
"""°C at which a Pi slows itself down; a 3A+ and a 3B+ do so a little earlier."""


class Marks(NamedTuple):
    """What is drawn with."""

    full: str
    empty: str
    received: str
    sent: str
    degree: str
    minus: str
    blocks: str


MARKS = Marks("█", "░", "↓", "↑", "°C", "\N{MINUS SIGN}", history.BLOCKS)
ASCII = Marks("#", ".", "in", "out", "C", "-", history.ASCII)


class Span(NamedTuple):
    """Text in one colour."""

    text: str
    colour: str = ""


Line: TypeAlias = "Sequence[Span]"


class Row(NamedTuple):
    """A line, and when it is left out for want of room: the highest rank first, 0 never."""

    rank: int
    line: Line


@dataclass(frozen=True)
class State:
    """What is shown.

    Attributes:
        diagnosis: The answer of /diagnosis.
        values: The readings of `KEYS`; `processes` has the rows of those that use most of the CPU.
        errors: Why keys could not be read.
        curves: The last hour; None without a history.
        base: Host and port for the lines to copy.
    """

    diagnosis: Mapping[str, Any]
    values: Mapping[str, Any]
    errors: Mapping[str, str]
    curves: Curves | None
    base: str


class Screens:
    """The screens of a machine. Each is kept until there are newer readings or a newer diagnosis.

    Args:
        monitor: Who is asked for the readings.
        diagnosis: What is wrong.
        history: The last hour; None if none is recorded.
    """

    def __init__(self, monitor: Monitor, diagnosis: Diagnosis, past: History | None) -> None:
        self._monitor = monitor
        self._diagnosis = diagnosis
        self._history = past
        self._of: tuple[Answer, Body] | None = None
        self._texts: dict[tuple[str, bool, bool], str] = {}

    def text(self, base: str, *, colour: bool, ascii_only: bool) -> str:
        """Return the screen for a client that has reached us as `base`. Two threads may both make it."""
        of, wish = (self._monitor.answer(KEYS), self._diagnosis.body()), (base, colour, ascii_only)
        if of != self._of or len(self._texts) >= KEPT:
            self._of, self._texts = of, {}
        texts = self._texts
        if wish not in texts:
            texts[wish] = text(self._state(of[0], base), colour=colour, ascii_only=ascii_only)
        return texts[wish]

    def _state(self, answer: Answer, base: str) -> State:
        tables = answer.values["processes"]
        busiest = processes.top(tables, "cpu", BUSIEST) if tables else []
        return State(
            self._diagnosis.document(),
            {**answer.values, "processes": busiest},
            answer.errors,
            self._history.curves(CURVES, "1h", 0.0) if self._history else None,
            base,
        )


def text(state: State, *, colour: bool, ascii_only: bool) -> str:
    """Return the screen."""
    marks = ASCII if ascii_only else MARKS
    rows = [
        *_head(state),
        *_verdict(state),
        Row(0, ()),
        *_readings(state, marks),
        Row(0, ()),
        *_next(state.base),
    ]
    while len(rows) > HEIGHT:
        rows.remove(max(reversed(rows), key=lambda row: row.rank))
    return "".join(_rendered(row.line, colour=colour, ascii_only=ascii_only) + "\n" for row in rows)


def _rendered(line: Line, *, colour: bool, ascii_only: bool) -> str:
    """Return a line that is no wider than the screen, each colour ended where it is."""
    room, parts = WIDTH, []
    for span in line:
        shown = span.text[:room].replace(NO_BREAK, " ").replace(NONE, "-")
        if ascii_only:
            shown = shown.replace(DEGREE, "").encode("ascii", "replace").decode()
        room -= len(shown)
        parts.append(f"\x1b[{span.colour}m{shown}\x1b[0m" if colour and span.colour and shown else shown)
    return "".join(parts) if colour else "".join(parts).rstrip()


# The head and the verdict


def _head(state: State) -> Iterator[Row]:
    hardware, system = state.values["hardware"], state.values["system"]
    about = plain(hardware["model"] or system["os"] or "", 40)
    if hardware["memory"]:
        about += f", {memory(hardware['memory'])}"
    up = "" if state.values["uptime"] is None else f"up {lasting(state.values['uptime'])}"
    name = plain(system["hostname"] or "This machine", 20)
    yield Row(0, (Span(name, BOLD), Span("  "), Span("  ".join(filter(None, (about, up))))))
    yield Row(0, ())


def _verdict(state: State) -> Iterator[Row]:
    found, unknown = state.diagnosis["findings"], len(state.diagnosis["unknown"])
    if not found:
        past = _past(state.values["power"])
        yield Row(0, (*_word("ok"), Span(state.diagnosis["sentence"], COLOURS["OK"]), Span(past)))
    for finding in found[:FINDINGS]:
        since = f"first seen {seen(state.diagnosis, finding)} ago"
        yield from _finding(finding, since, FINDING_LINES // min(len(found), FINDINGS))
    more = [f"and {len(found) - FINDINGS} more"] if len(found) > FINDINGS else []
    more += [f"{counted(unknown, 'thing')} could not be checked"] if unknown else []
    if more:
        line = "; ".join(more)
        yield Row(5, (Span(" " * 6), Span(line[0].upper() + line[1:], DIM)))


def _past(power: Mapping[str, Any]) -> str:
    """Return what the firmware remembers of a machine that is well."""
    if power["throttled_since_boot"] is False and power["under_voltage_since_boot"] is False:
        return " Never short of power or slowed down since it started."
    return ""


def _word(severity: str) -> tuple[Span, Span]:
    word = WORDS[severity]
    return Span(word, COLOURS[word]), Span(" " * (6 - len(word)))


def _finding(finding: Mapping[str, Any], since: str, lines: int) -> Iterator[Row]:
    """Yield what is wrong and, in the remaining lines, what follows and what to do."""
    word = WORDS[finding["severity"]]
    [title, *_] = _wrapped(finding["title"], 1)
    beside = f"  {since}" if len(title) + len(since) + 8 <= WIDTH else ""
    yield Row(0, (*_word(finding["severity"]), Span(title, COLOURS[word]), Span(beside, DIM)))
    whole = _wrapped(f"{finding['text']} {finding['advice']}", lines)
    for line in whole if len(whole) < lines else _sentences(finding["advice"], lines - 1):
        yield Row(0, (Span(" " * 6), Span(line)))


def _sentences(words: str, lines: int) -> list[str]:
    """Return the first sentences that have room in `lines`: of a command, no half is shown."""
    sentences = words.split(". ")
    for count in range(len(sentences), 0, -1):
        some = ". ".join(sentences[:count]) + ("" if count == len(sentences) else ".")
        if len(_wrapped(some, lines + 1)) <= lines:
            return _wrapped(some, lines)
    return _wrapped(words, lines)


def _wrapped(words: str, lines: int) -> list[str]:
    shown = plain(words.replace("`", ""), 2000)
    return textwrap.wrap(shown, WIDTH - 6, max_lines=lines, placeholder=" ...", break_on_hyphens=False)


# The readings


def _readings(state: State, marks: Marks) -> Iterator[Row]:
    values = state.values
    yield Row(0, _temperature(values, marks))
    yield Row(0, _cpu(values, marks))
    yield Row(0, _memory(values, marks))
    yield from _disks(state, marks)
    yield from _interfaces(state, marks)
    yield from _power(values)
    yield from _fans(values)
    yield from _busiest(values["processes"])
    yield from _last_hour(state.curves, marks)


def _measured(label: str, value: str, unit: str, share: float | None, remark: str, marks: Marks) -> Line:
    """Return a reading with its bar; a reading that is null has neither."""
    filled = 0 if share is None else max(0, min(BAR, math.floor(share / 100 * BAR + 0.5)))
    colour = "" if share is None or share < 80 else YELLOW if share < 95 else RED  # noqa: PLR2004 - as on the page
    bar = "" if share is None else marks.full * filled
    rest = " " * BAR if share is None else marks.empty * (BAR - filled)
    return (
        Span(f"{label:<{LABEL}}"),
        Span(f"{value:>6} {'' if share is None else unit:<2}", BOLD),
        Span("  "),
        Span(bar, colour),
        Span(rest, DIM),
        Span(f"  {remark}"),
    )


def _temperature(values: Mapping[str, Any], marks: Marks) -> Line:
    celsius, model = values["cpu_temp"], values["hardware"]["model"] or ""
    if celsius is None:
        return _measured("Temperature", "-", "", None, "no reading", marks)
    limit = (
        SOFT_LIMIT_AT
        if model.startswith(("Raspberry Pi 3 Model A Plus", "Raspberry Pi 3 Model B Plus"))
        else SLOWS_AT
    )
    remark = f"slows down at {limit} {marks.degree}" if model.startswith("Raspberry") else ""
    share = (celsius - COOL) / (HOT - COOL) * 100
    return _measured("Temperature", f"{celsius:.1f}", marks.degree, share, remark, marks)


def _cpu(values: Mapping[str, Any], marks: Marks) -> Line:
    busy, frequency, load = values["cpu_usage"], values["cpu_freq"], values["load_avg"][0]
    parts = [
        "" if frequency is None else hertz(frequency * 1e6),
        "" if load is None else f"load {load:.2f}",
    ]
    return _measured("CPU", _whole(busy), "%", busy, ", ".join(filter(None, parts)), marks)


def _memory(values: Mapping[str, Any], marks: Marks) -> Line:
    ram, swap = values["memory"], values["swap"]
    used = "" if ram["used"] is None else f"{_of(ram['used'], ram['total'])}, "
    if not swap["total"]:
        rest = "no swap"
    else:
        rest = f"swap {swap['percent']:.0f} %" if swap["used"] else "swap unused"
    return _measured("Memory", _whole(ram["percent"]), "%", ram["percent"], used + rest, marks)


def _disks(state: State, marks: Marks) -> Iterator[Row]:
    """Yield the root, then what needs a look: what does not answer, and what is fullest."""
    rows: list[dict[str, Any]] = state.values["devices"] or []
    if not rows:
        why = plain(state.errors.get("devices", "no reading"), WIDTH)
        yield Row(0, _measured("Disk", "-", "", None, why, marks))
    rows = sorted(
        rows, key=lambda row: (row["mountpoint"] != "/", not row.get("error"), -(row["percent"] or 0))
    )
    for rank, row in zip(RANKS_OF_DISKS, rows, strict=False):
        space = f"{size(row['free'])} free of {size(row['total'])}"
        remark = plain(row["error"], WIDTH) if row.get("error") else space
        percent = row["percent"]
        yield Row(rank, _measured(_folder(row["mountpoint"]), _whole(percent), "%", percent, remark, marks))


def _folder(path: str) -> str:
    """Return a path as a label; of a long one the last part."""
    if path == "/":
        return "Disk /"
    return plain(path if len(path) < LABEL else f".../{path.rpartition('/')[2]}", LABEL - 1)


def _interfaces(state: State, marks: Marks) -> Iterator[Row]:
    """Yield those that are up, the one to the Internet first; what is part of a bridge is not shown."""
    rows = [
        (name, row)
        for name, row in state.values["interfaces"].items()
        if isinstance(row, dict) and row["is_up"] is not False and not row["master"]
    ]
    if not rows:
        yield Row(0, (Span(f"{'Network':<{LABEL}}"), Span("not connected")))
    rows.sort(key=lambda item: (not item[1]["default_route"], not item[1]["physical"]))
    for rank, (name, row) in zip(RANKS_OF_INTERFACES, rows, strict=False):
        rates = (
            f"{mark} {speed(rate):<10}"
            for mark, rate in ((marks.received, row["recv_rate"]), (marks.sent, row["sent_rate"]))
        )
        label = plain(f"Net {name}", LABEL - 1)
        yield Row(rank, (Span(f"{label:<{LABEL}}"), Span(" ".join(rates)), Span(_link(row, marks))))


def _link(row: Mapping[str, Any], marks: Marks) -> str:
    """Return the address and how good the link is."""
    address = (row["addresses"] or [""])[0].partition("/")[0]
    speed, signal = row["speed"], row.get("signal_strength")
    parts = [
        plain(address, 39),
        "" if speed is None else f"{speed} Mbit/s",
        "" if signal is None else f"Wi-Fi {marks.minus}{abs(signal)} dBm",
    ]
    return "  ".join(filter(None, parts))


FLAGS = (("under-voltage", "under_voltage"), ("throttled", "throttled"))


def _power(values: Mapping[str, Any]) -> Iterator[Row]:
    power, pmic = values["power"], values["pmic"]
    if power["throttled"] is None and power["under_voltage"] is None:
        if (values["hardware"]["model"] or "").startswith("Raspberry"):
            yield Row(1, (Span(f"{'Power':<{LABEL}}"), Span("no reading; /capabilities says why")))
        return
    spans = [Span(f"{'Power':<{LABEL}}")]
    for word, flag in FLAGS:
        spans += [Span(f"{word} "), _flag(power[flag], power[f"{flag}_since_boot"]), Span("   ")]
    if pmic["watts"] is not None:
        spans.append(Span(f"{pmic['watts']:.1f} W of the board"))
    elif power["core_voltage"] is not None:
        spans.append(Span(f"core {power['core_voltage']:.2f} V"))
    yield Row(1, spans)


def _flag(now: bool | None, since_boot: bool | None) -> Span:  # noqa: FBT001 - readings
    if now is None:
        return Span("not known")
    if now:
        return Span("NOW", COLOURS["BAD"])
    return Span("since boot", YELLOW) if since_boot else Span("no")


def _fans(values: Mapping[str, Any]) -> Iterator[Row]:
    turning = [row for row in (values["fans"] or {}).values() if row["rpm"] is not None]
    if turning:
        fan = max(turning, key=lambda row: row["rpm"])
        driven = "" if fan["pwm"] is None else f" at {fan['pwm'] / 255 * 100:.0f} %"
        yield Row(7, (Span(f"{'Fan':<{LABEL}}"), Span(f"{fan['rpm']:,} rpm{driven}")))


def _busiest(rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    found = [f"{plain(row['name'], 16)} {_whole(row['cpu_percent'])} %" for row in rows]
    if found:
        yield Row(2, (Span(f"{'Busiest':<{LABEL}}"), Span("   ".join(found))))


def _last_hour(curves: Curves | None, marks: Marks) -> Iterator[Row]:
    if curves is None:
        return
    drawn = []
    for metric, (points, *_) in curves.series.items():
        known = [value for value in points if not math.isnan(value)]
        if known:
            word, unit, low, high = (
                ("CPU", "%", 0.0, 100.0) if metric.name == CURVES[0] else ("Heat", marks.degree, COOL, HOT)
            )
            curve = history.sparkline(points, marks.blocks, DRAWN, (low, high))
            drawn.append(f"{word} {curve:<{DRAWN}} {min(known):.0f}-{max(known):.0f} {unit}")
    if drawn:
        yield Row(6, (Span(f"{'Last hour':<{LABEL}}"), Span("   ".join(drawn))))


# Where to go on


def _next(base: str) -> Iterator[Row]:
    page = f"http://{base}/ in a browser"
    lines = (
        (7, "Keep watching", (f"watch -ct curl -s {base}/top",)),
        (5, "What is wrong", (f"curl '{base}/diagnosis?format=text'",)),
        (10, "As JSON", (f"curl {base}/stats",)),
        (1, "All the rest", (f"curl {base}/      or {page}", page)),
    )
    for rank, label, commands in lines:
        # What would be cut could not be copied.
        whole = [command for command in commands if len(command) <= WIDTH - NEXT]
        yield Row(rank, (Span(f"{label:<{NEXT}}{whole[0] if whole else ELSEWHERE}", DIM),))


def _of(part: float, whole: float) -> str:
    """Return a part and the whole with the unit once, if it is the same."""
    number, _, unit = memory(part).partition(NO_BREAK)
    return f"{number if memory(whole).endswith(unit) else memory(part)} of {memory(whole)}"


def _whole(number: float | None) -> str:
    return "-" if number is None else f"{number:.0f}"
