"""Parsers for the answers of vcgencmd: text in, a value out; None if it is not in full what was asked for.

vcgencmd exits with 0 even when its arguments are wrong, when the firmware is silent, and when the kernel
refuses the call; then it prints the question in place of the answer. So only the text counts. Nothing in
here raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum, auto
from typing import NamedTuple

from pistat.parsers.kernel import CELSIUS, HERTZ, LIMIT, VOLTS, first, in_full, lines, trimmed, within

WORD = (0, 0xFFFF_FFFF)
"""A number of 32 bits."""

THROTTLE_BITS = {
    "under_voltage": 0,
    "throttled": 2,
    "freq_capped": 1,
    "soft_temp_limit": 3,
    "under_voltage_since_boot": 16,
    "throttled_since_boot": 18,
    "freq_capped_since_boot": 17,
    "soft_temp_limit_since_boot": 19,
}
"""https://www.raspberrypi.com/documentation/computers/os.html#get_throttled; the other bits mean nothing."""


class Category(StrEnum):
    """What came of a command."""

    OK = auto()
    NO_ACCESS = auto()
    UNSUPPORTED = auto()
    BAD_ARGS = auto()
    TRANSPORT = auto()
    EMPTY = auto()
    FAILED = auto()


SIGNS = (
    ("Can't open device file:", Category.NO_ACCESS),
    ("VCHI initialization failed", Category.NO_ACCESS),
    ("VCHI connection failed", Category.NO_ACCESS),
    ("ioctl_set_msg failed:", Category.TRANSPORT),
    ("error=1 ", Category.UNSUPPORTED),
    ("error=2 ", Category.BAD_ARGS),
    ("error=", Category.FAILED),
)
"""How a line begins that reports a failure, and which one; the first that is found decides."""


def classify(status: int, stdout: str, stderr: str = "") -> Category:
    """Classify what came of a command, by its exit status and what it printed."""
    printed = lines(stdout) + lines(stderr)
    for sign, category in SIGNS:
        if any(line.startswith(sign) for line in printed):
            return category
    if status != 0 or len(stdout) > LIMIT:
        return Category.FAILED
    return Category.OK if trimmed(stdout) else Category.EMPTY


def temperature(text: str) -> float | None:
    """Parse a temperature in °C, from `measure_temp`."""
    found = in_full(r"temp=(-?[0-9]{1,3}\.[0-9]{1,3})'C", text)
    return within(float(found[1]), *CELSIUS) if found else None


def clock(text: str) -> int | None:
    """Parse a frequency in Hz, from `measure_clock`; 0 if the block is off, and if there is no such block."""
    # The number in brackets differs from board to board and is 0 on a Pi 5.
    found = in_full(r"frequency\([0-9]{1,3}\)=([0-9]{1,11})", text)
    return within(int(found[1]), *HERTZ) if found else None


def volts(text: str) -> float | None:
    """Parse a voltage in V, from `measure_volts`."""
    found = in_full(r"volt=([0-9]{1,2}\.[0-9]{1,8})V", text)
    return within(float(found[1]), *VOLTS) if found else None


def memory(text: str) -> tuple[str, int] | None:
    """Parse the name of a part of the memory and its size in MiB, from `get_mem`; 0 if it does not exist."""
    found = in_full(r"([a-z][a-z0-9_]{0,31})=([0-9]{1,6})M", text)
    return (found[1], int(found[2])) if found else None


def throttled(text: str) -> int | None:
    """Parse the 32 bits of `get_throttled`."""
    found = in_full(r"throttled=0x([0-9a-fA-F]{1,8})", text)
    return int(found[1], 16) if found else None


def flags(word: int) -> dict[str, bool]:
    """Return for each name of THROTTLE_BITS whether its bit is set in `word`."""
    return {name: bool(word >> bit & 1) for name, bit in THROTTLE_BITS.items()}


def reset_status(text: str) -> int | None:
    """Parse the reset status register, from `get_rsts`: hexadecimal, although it has no 0x."""
    found = in_full(r"get_rsts=([0-9a-fA-F]{1,8})", text)
    return int(found[1], 16) if found else None


RESETS = {
    12: "power-on",
    10: "software hard",
    9: "software full",
    8: "software quick",
    6: "watchdog hard",
    5: "watchdog full",
    4: "watchdog quick",
    2: "debugger hard",
    1: "debugger full",
    0: "debugger quick",
}
HALTED = 0x555
"""The bits that are set together by a system that was halted."""

POWER_CHIP_RESETS = {
    0: "over-voltage",
    1: "under-voltage",
    2: "over-temperature",
    3: "enable signal",
    4: "watchdog",
}
"""https://www.raspberrypi.com/documentation/computers/configuration.html, `power_reset`."""


def reset_cause(word: int | None) -> str | None:
    """Describe the set bits of the reset status register; an ordinary reboot is by the watchdog, too."""
    if word is None:
        return None
    if word & HALTED == HALTED:
        return _words({12: RESETS[12]}, word, "halt")
    return _words(RESETS, word)


def power_chip_reset(word: int | None) -> str | None:
    """Describe why the power chip of a Pi 5 cut the supply before this boot; None if it did not."""
    return None if word is None else _words(POWER_CHIP_RESETS, word)


def _words(names: Mapping[int, str], word: int, *more: str) -> str | None:
    """Join the names of the bits that are set in `word`; None if there are none."""
    return ", ".join([*(name for bit, name in names.items() if word >> bit & 1), *more]) or None


def ring_oscillator(text: str) -> tuple[float, float, float] | None:
    """Parse the speed of the ring oscillator in MHz, the core voltage in V and the temperature in °C."""
    found = in_full(
        r"read_ring_osc\([0-9]{1,3}\)=([0-9]{1,4}\.[0-9]{1,6})MHz"
        r" \(@([0-9]{1,2}\.[0-9]{1,8})V\) \((-?[0-9]{1,3}\.[0-9]{1,3})'C\)",
        text,
    )
    if not found:
        return None
    speed, core, celsius = map(float, found.groups())
    possible = within(core, *VOLTS) is not None and within(celsius, *CELSIUS) is not None
    return (speed, core, celsius) if possible else None


def build_date(text: str) -> str | None:
    """Return when the firmware was built, from the three lines of `version`.

    It is written as `2026/05/11 12:20:02` on a Pi 5, as `Mar 17 2023 10:50:56` before.
    """
    found = in_full(
        r"((?:[0-9]{4}/[0-9]{2}/[0-9]{2}|[A-Z][a-z]{2} {1,4}[0-9]{1,2} {1,4}[0-9]{4}) {1,4}[0-9:]{8})\n"
        r"Copyright \(c\) [0-9]{4} Broadcom\n"
        r"version [0-9a-f]{7,40}(?: \([a-z0-9_-]{1,16}\)){0,8}",
        "\n".join(lines(text)),
    )
    return re.sub(" +", " ", found[1]) if found else None


class BootloaderVersion(NamedTuple):
    """The bootloader in the EEPROM; all None before the Pi 4.

    Attributes:
        timestamp: When it was built, in seconds since 1970.
        update_time: When it was last updated, in seconds since 1970; 0 when that is not recorded.
    """

    timestamp: int | None
    update_time: int | None


def bootloader_version(text: str) -> BootloaderVersion:
    """Return the two times of the bootloader, from the lines of `bootloader_version`."""
    return BootloaderVersion(
        _word(first(r"timestamp ([0-9]{1,10})", text)),
        _word(first(r"update-time ([0-9]{1,10})", text)),
    )


def _word(digits: str | None) -> int | None:
    """Parse a number of 32 bits, if there is one."""
    return within(int(digits), *WORD) if digits else None


def config(text: str) -> dict[str, int | str]:
    """Parse the items of `get_config`: numbers, and texts where they are none."""
    items: dict[str, int | str] = {}
    for line in lines(text):
        # "error=2 error_msg=..." would otherwise be an item.
        found = re.fullmatch(r"(?!error=)([A-Za-z][A-Za-z0-9_:.-]{0,63})=([ -~]{0,256})", line)
        if found:
            items.setdefault(found[1], _setting(found[2]))
    return items


def _setting(text: str) -> int | str:
    """Return the number that `text` is, or the text."""
    number = re.fullmatch(r"-?(?:0|[1-9][0-9]{0,9}|0x[0-9a-fA-F]{1,8})", text)
    return int(text, base=0) if number else text


class Rails(NamedTuple):
    """What the power chip of a Pi 5 measures behind it: not the 5 V that go to USB, fan and HATs.

    Attributes:
        amperes: For each rail the current in A.
        volts: For each rail the voltage in V; some rails have no current.
        whole: Whether each line was understood; the last line of a reply that was cut short is not.
    """

    amperes: dict[str, float]
    volts: dict[str, float]
    whole: bool = True

    @property
    def watts(self) -> dict[str, float]:
        """The power in W of each rail that has both."""
        return {
            rail: self.volts[rail] * current for rail, current in self.amperes.items() if rail in self.volts
        }

    @property
    def total(self) -> float | None:
        """The sum of them in W, with at most four decimals; None if there is no rail, or one is missing."""
        return round(sum(self.watts.values()), 4) if self.watts and self.whole else None


RAIL = re.compile(
    r"([0-9A-Za-z_]{1,32})_([AV]) (?:(?<=A )current|(?<=V )volt)"
    r"\([0-9]{1,3}\)=([0-9]{1,2}\.[0-9]{1,8})\2"
)


def pmic(text: str) -> Rails:
    """Parse the current and voltage of each rail, from the lines of `pmic_read_adc` that match in full."""
    rails = Rails({}, {})
    found = [RAIL.fullmatch(line) for line in lines(text)]
    for match in filter(None, found):
        by_rail = rails.amperes if match[2] == "A" else rails.volts
        by_rail.setdefault(match[1], float(match[3]))
    return rails._replace(whole=all(found))
