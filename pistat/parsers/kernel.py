"""Parsers for what the kernel prints in /proc and /sys: text or bytes in, a value or None out.

Nothing in here raises: for an empty, truncated, hostile or overlong text the value is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

Number = TypeVar("Number", int, float)

LIMIT = 8192
"""The most characters of a text that is parsed: twice the buffer of vcgencmd."""

CELSIUS = (-40.0, 150.0)
"""What a Raspberry Pi can measure; it may report more: https://github.com/raspberrypi/firmware/issues/133."""

HERTZ = (0, 10_000_000_000)
"""Any clock of a Raspberry Pi."""

VOLTS = (0.0, 10.0)
"""Any supply on a Raspberry Pi."""

UNAVAILABLE = -256
"""The level, in dBm, that a wireless driver reports when it knows none."""

ROUTE_COLUMNS, ROUTE_6_COLUMNS = 8, 10

CELL = 4
"""Bytes of a number in the device tree."""

HUB = "09"
"""bDeviceClass of a USB hub."""

TCP = re.compile(r"\nTcp:(.*)\nTcp:(.*)")
"""The two rows of a protocol in /proc/net/snmp: the names of the counters, and their values."""

BOARD_LINES = {"Revision": "[0-9a-fA-F]{4,8}", "Serial": "[0-9a-fA-F]{16}", "Model": "[ -~]{1,128}"}
"""The lines that Raspberry Pi's own kernels add to /proc/cpuinfo, and what they contain."""


def trimmed(text: str) -> str:
    """Strip blanks and line ends; return "" for a text that is longer than any real one."""
    return text.strip(" \t\r\n") if len(text) <= LIMIT else ""


def lines(text: str) -> list[str]:
    """Split `text` into lines without blanks around them."""
    # Not splitlines(), which would also split at form feeds and at U+2028.
    return [line.strip(" \t\r") for line in trimmed(text).split("\n")]


def in_full(pattern: str, text: str) -> re.Match[str] | None:
    """Match `pattern` with all of `text`, apart from blanks around it."""
    return re.fullmatch(pattern, trimmed(text))


def first(pattern: str, text: str) -> str | None:
    """Return the group of `pattern` in the first line of `text` that it matches in full."""
    return next((found[1] for line in lines(text) if (found := re.fullmatch(pattern, line))), None)


def within(value: Number, low: Number, high: Number) -> Number | None:
    """Return `value`, or None if it is outside `low` to `high`."""
    return value if low <= value <= high else None


def millidegrees(text: str) -> float | None:
    """Parse a temperature in °C, from millidegrees: thermal_zone*/temp, hwmon*/temp*_input."""
    found = in_full(r"-?[0-9]{1,9}", text)
    return within(int(found[0]) / 1000, *CELSIUS) if found else None


def millivolts(text: str) -> float | None:
    """Parse a voltage in V, from millivolts: hwmon*/in*_input."""
    found = in_full(r"[0-9]{1,5}", text)
    return within(int(found[0]) / 1000, *VOLTS) if found else None


def whole(text: str, most: int = 999_999) -> int | None:
    """Parse a whole number from 0 to `most`: hwmon*/fan*_input, hwmon*/pwm*, block/*/size."""
    found = in_full(r"[0-9]{1,18}", text)
    return within(int(found[0]), 0, most) if found else None


def kilohertz(text: str) -> int | None:
    """Parse a frequency in Hz, from kHz: cpufreq/policy*/scaling_*_freq."""
    found = in_full(r"[0-9]{1,8}", text)
    return within(int(found[0]) * 1000, *HERTZ) if found else None


def alarm(text: str) -> bool | None:
    """Parse whether an alarm is on, from 0 or 1: hwmon*/in0_lcrit_alarm."""
    return {"0": False, "1": True}.get(trimmed(text))


def device_tree_string(data: bytes) -> str | None:
    """Return the first string of a device tree property, at most 128 printable characters; a NUL ends it."""
    text, end, _ = data.partition(b"\0")
    return label(text.decode("utf-8", "replace")) if end and len(data) <= LIMIT else None


def label(text: str) -> str | None:
    """Clean a name that a maker has put into a device: at most 128 printable characters."""
    return trimmed("".join(filter(str.isprintable, text))[:128]) or None


def big_endian_32(data: bytes) -> int | None:
    """Return the number in a device tree property of one cell."""
    return int.from_bytes(data, "big") if len(data) == CELL else None


class Wireless(NamedTuple):
    """How well a wireless interface receives.

    Attributes:
        link: Quality of the link; drivers of cfg80211 report 0 to 70.
        level: Strength of the signal in dBm; None while not associated.
    """

    link: int
    level: int | None


def wireless(text: str) -> dict[str, Wireless]:
    """Parse /proc/net/wireless: how well each interface receives. The two header lines match no row."""
    # A dot marks a value that is new since the last reader: net/wireless/wext-proc.c.
    row = (
        r"([!-.0-9;-~]{1,15}): [0-9a-f]{4}"
        r" +([0-9]{1,3})\.? +(-?[0-9]{1,3})\.? +-?[0-9]{1,3}\.?(?: +-?[0-9]{1,10}){6}"
    )
    found = filter(None, (re.fullmatch(row, line) for line in lines(text)))
    return {match[1]: Wireless(int(match[2]), _dbm(match[3])) for match in found}


def _dbm(digits: str) -> int | None:
    """Parse a power in dBm. One that is not negative is in the driver's own units, or is missing."""
    return within(int(digits), UNAVAILABLE + 1, -1)


def established(text: str) -> int | None:
    """Count the established TCP connections, from the two `Tcp:` rows of /proc/net/snmp."""
    rows = TCP.search(f"\n{trimmed(text)}")
    names, values = (row.split() for row in rows.groups()) if rows else ([], [])
    if "CurrEstab" not in names or len(names) != len(values):
        return None
    return whole(values[names.index("CurrEstab")], 9_999_999_999)


def default_routes(text: str) -> set[str] | None:
    """Return the interfaces to which /proc/net/route has a default route that is up; None if it is cut."""
    if not text.startswith("Iface") or not text.endswith("\n"):
        return None
    rows = (line.split() for line in text.splitlines())
    return {
        row[0] for row in rows if len(row) >= ROUTE_COLUMNS and row[1] == row[7] == "0" * 8 and _up(row[3])
    }


def default_routes_6(text: str) -> set[str] | None:
    """Return the interfaces to which /proc/net/ipv6_route has a default route; `lo` stands for none.

    It is None where the last row has no end, for others may be missing.
    """
    if text and not text.endswith("\n"):
        return None
    rows = (line.split() for line in text.splitlines())
    return {
        row[9]
        for row in rows
        if len(row) == ROUTE_6_COLUMNS
        and row[0] == "0" * 32
        and row[1] == "00"
        and _up(row[8])
        and row[9] != "lo"
    }


def _up(flags: str) -> bool:
    """Return whether the flags of a route, in hexadecimal, have RTF_UP and not RTF_REJECT."""
    found = in_full("[0-9a-fA-F]{1,8}", flags)
    return found is not None and int(found[0], 16) & 0x201 == 1


def link_speed(reported: int | None) -> int | None:
    """Return the speed of a link in Mbit/s; drivers report -1, signed or not, for unknown."""
    return None if reported is None else within(reported, 1, 1_000_000)


def os_name(text: str) -> str | None:
    """Parse the name and version of the distribution, from os-release: PRETTY_NAME, else NAME and VERSION."""
    found = dict(filter(None, map(_assignment, lines(text))))
    known = found.get("PRETTY_NAME") or " ".join(filter(None, map(found.get, ("NAME", "VERSION"))))
    return label(known)


ASSIGNMENT = re.compile(r"""([A-Z_]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s"'\\;]|\\.)*))(?:\s+#.*)?""")
"""A line of os-release(5): a name, and a value as a shell would read it. Several pieces in a row are none."""


def _assignment(line: str) -> tuple[str, str] | None:
    """Return the name and the value in a line; None for a comment, and for what a shell would not take."""
    found = ASSIGNMENT.fullmatch(line)
    if found is None:
        return None
    name, double, single, bare = found.groups()
    if double is not None:
        return name, re.sub(r'\\([$"`\\])', r"\1", double)
    return name, single if single is not None else re.sub(r"\\(.)", r"\1", bare)


def fstab(text: str) -> dict[str, bool]:
    """Return whether each mount point of /etc/fstab is meant to be read-only."""
    rows = (line.split() for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {unescaped(row[1]): "ro" in row[3].split(",") for row in rows if len(row) > 3}  # noqa: PLR2004 - as in fstab(5)


def unescaped(text: str) -> str:
    r"""Return a name of a table in which blanks, tabs and backslashes are octal, such as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def usb_devices(names: Iterable[str], classes: Mapping[str, str] = {}) -> int:
    """Count the attached USB devices, from the names in /sys/bus/usb/devices.

    Args:
        names: The names. Root hubs (`usb1`) and interfaces (`1-1:1.0`) are not counted.
        classes: The bDeviceClass of each name whose class is known; hubs are not counted.
    """
    port = re.compile(r"[0-9]{1,3}-[0-9]{1,3}(?:\.[0-9]{1,3}){0,6}")
    return sum(1 for name in names if port.fullmatch(name) and trimmed(classes.get(name, "")) != HUB)


def wear(text: str) -> tuple[int, int] | None:
    """Parse life_time of an eMMC: the used tenths of the rated life of both areas; 11 is more, 0 unknown."""
    found = in_full(r"0x(0[0-9a-bA-B]) 0x(0[0-9a-bA-B])", text)
    return (int(found[1], 16), int(found[2], 16)) if found else None


def pre_eol(text: str) -> str | None:
    """Parse pre_eol_info of an eMMC: the state of its spare blocks; `warning` means that 80 % are used."""
    found = in_full(r"(?:0x)?0([1-3])", text)
    return {"1": "normal", "2": "warning", "3": "urgent"}[found[1]] if found else None


def cpuinfo(text: str) -> dict[str, str]:
    """Parse the lines about the board in /proc/cpuinfo: Revision and Serial (hexadecimal), Model (text)."""
    found = {name: first(rf"{name}[ \t]*: ({value})", text) for name, value in BOARD_LINES.items()}
    return {name: value for name, value in found.items() if value is not None}
