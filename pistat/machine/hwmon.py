"""The sensor chips of the kernel, by their names: the numbers differ from start to start."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pistat.parsers import kernel

if TYPE_CHECKING:
    from pistat.machine.host import Host

HWMON = "/sys/class/hwmon"
SUPPLY = "rpi_volt"
"""The chip that stands for what the firmware knows of the supply."""


class Chip(NamedTuple):
    """A sensor chip: its name, such as `cpu_thermal`, its folder, and the names of the files in it."""

    name: str
    folder: str
    files: frozenset[str]

    def numbers(self, kind: str) -> list[int]:
        """The numbers of its sensors of a kind, such as `temp`: 2 is one of them if there is temp2_input."""
        ends = (
            each.removesuffix("_input").removeprefix(kind) for each in self.files if each.startswith(kind)
        )
        return sorted(int(end) for end in ends if end.isdecimal())

    def path(self, file: str) -> str | None:
        """Where one of its files is; None where it has none of that name."""
        return f"{self.folder}/{file}" if file in self.files else None

    def sensor_name(self, machine: Host, kind: str, number: int) -> str:
        """What one of its sensors is called: with a label if it has one, with a number if there are more."""
        text = kernel.label(machine.sensor(self.path(f"{kind}{number}_label")))
        alone = len(self.numbers(kind)) < 2  # noqa: PLR2004 - none of a kind, or one
        return f"{self.name}/{text}" if text else self.name if alone else f"{self.name}/{kind}{number}"


class Names:
    """Names that must not be the same."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """`name`; with a number behind it from the second that has it on."""
        self._taken[name] = self._taken.get(name, 0) + 1
        return name if self._taken[name] == 1 else f"{name} #{self._taken[name]}"


def chips(machine: Host) -> tuple[Chip, ...]:
    """All chips, in the order of their numbers; looked for once a minute."""
    return machine.memo.for_a_minute("hwmon", lambda: tuple(_chips(machine)))


def chip(machine: Host, name: str) -> Chip | None:
    """The first chip of a name."""
    return next((each for each in chips(machine) if each.name == name), None)


def _chips(machine: Host) -> list[Chip]:
    found = []
    for each in machine.names(HWMON):
        folder = f"{HWMON}/{each}"
        name = kernel.label(machine.sensor(f"{folder}/name"))
        if name:
            found.append(Chip(name, folder, frozenset(machine.names(folder))))
    return sorted(found, key=lambda each: (len(each.folder), each.folder))
