"""Quantities in words, as the page writes them: templates/scripts/quantities.js writes them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

NO_BREAK = "\N{NO-BREAK SPACE}"
NONE = "\N{EN DASH}"
"""Stands for what is not known."""

DECIMAL = ("B", "kB", "MB", "GB", "TB")
BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
HERTZ = ("Hz", "kHz", "MHz", "GHz")

DAY, HOUR, MINUTE = 86_400, 3600, 60


def known(value: float | None, write: Callable[[float], str]) -> str:
    """Return `value` in words; a dash for None."""
    return NONE if value is None else write(value)


def three_digits(number: float) -> str:
    """Return a number with three digits, if it is below 1,000."""
    return fixed(number, 0 if number >= 99.95 else 1 if number >= 9.995 else 2)  # noqa: PLR2004 - where it rounds up


def fixed(number: float, decimals: int) -> str:
    """Return a number with so many decimals; halves are rounded up, as JavaScript does."""
    return f"{number + 1e-9:.{decimals}f}"


def percent(number: float | None) -> str:
    """Return a share without its sign, with a decimal below 10."""
    return known(number, lambda value: fixed(value, 1 if 0 < value < 9.95 else 0))  # noqa: PLR2004


def size(number: float | None) -> str:
    """Return bytes of a disk in words, such as `502 GB`."""
    return known(number, lambda value: scaled(value, 1000, DECIMAL))


def memory(number: float | None) -> str:
    """Return bytes of memory in words, such as `7.86 GiB`."""
    return known(number, lambda value: scaled(value, 1024, BINARY))


def hertz(number: float | None) -> str:
    """Return a clock in words; one that stands still is asleep."""
    return known(number, lambda value: scaled(value, 1000, HERTZ) if value else "asleep")


def rate(number: float | None) -> tuple[str, str]:
    """Return bytes a second as a number and its unit; no unit without a number."""
    if number is None:
        return NONE, ""
    if number < 999.5:  # noqa: PLR2004 - where it rounds up
        return fixed(number, 0), "B/s"
    if number < 999_500:  # noqa: PLR2004 - likewise
        return fixed(number / 1e3, 1 if number < 9950 else 0), "kB/s"  # noqa: PLR2004 - likewise
    return three_digits(number / 1e6), "MB/s"


def speed(number: float | None) -> str:
    """Return bytes a second in words, such as `57 kB/s`."""
    return NO_BREAK.join(rate(number)).strip()


def scaled(number: float, step: int, units: Sequence[str]) -> str:
    """Return a number in the largest of the units of which it has one."""
    place = 0
    while number >= step * 0.9995 and place < len(units) - 1:
        number /= step
        place += 1
    if not place:
        return fixed(number, 0) + NO_BREAK + units[0]
    digits = three_digits(number)
    whole, _, decimals = digits.partition(".")
    return (whole if not decimals.strip("0") else digits) + NO_BREAK + units[place]


def lasting(seconds: float) -> str:
    """Return a span of time in its two largest units, such as `3 h 22 min`."""
    days, hours, minutes = int(seconds // DAY), int(seconds % DAY // HOUR), int(seconds % HOUR // MINUTE)
    if days:
        return f"{days}{NO_BREAK}d {hours}{NO_BREAK}h"
    if hours:
        return f"{hours}{NO_BREAK}h {minutes}{NO_BREAK}min"
    return f"{minutes}{NO_BREAK}min" if minutes else f"{int(seconds)}{NO_BREAK}s"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its word, such as `2 problems`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def times(number: int) -> str:
    """Return how often, in words."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def joined(*parts: object) -> str:
    """Return the parts that there are, with dots between."""
    return " · ".join(str(part) for part in parts if part)
