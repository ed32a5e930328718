"""The sensor chips of the kernel, by their names, for their numbers differ from boot to boot."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pistat.parsers import kernel

if TYPE_CHECKING:
    from pistat.machine.host import Host

HWMON = "/sys/class/hwmon"
SUPPLY = "rpi_volt"
"""The chip that reports what the firmware knows of the supply."""


class Sensor(NamedTuple):
    """A sensor that can be read.

    Attributes:
        value: The file of its value.
        label: What the chip calls it; empty without such a name.
        fault: The file that says whether the value means anything; None without one.
    """

    value: str
    label: str = ""
    fault: str | None = None


class Chip(NamedTuple):
    """A sensor chip: its name, such as `cpu_thermal`, its folder, and the names of the files in it."""

    name: str
    folder: str
    files: frozenset[str]

    def numbers(self, kind: str) -> list[int]:
        """Return the numbers of its sensors of a kind, such as `temp`: 2 if there is temp2_input."""
        ends = (
            name.removesuffix("_input").removeprefix(kind) for name in self.files if name.startswith(kind)
        )
        return sorted(int(end) for end in ends if end.isdecimal())

    def sensors(self, machine: Host, kind: str) -> list[Sensor]:
        """Return its sensors of a kind, in the order of their numbers."""
        stems = [f"{kind}{number}" for number in self.numbers(kind)]
        return [
            Sensor(
                f"{self.folder}/{stem}_input",
                kernel.label(machine.sensor(self.path(f"{stem}_label"))) or "",
                self.path(f"{stem}_fault"),
            )
            for stem in stems
        ]

    def path(self, file: str) -> str | None:
        """Return the path of one of its files; None if it has none of that name."""
        return f"{self.folder}/{file}" if file in self.files else None

    def sensor_name(self, machine: Host, kind: str, number: int) -> str:
        """Name one of its sensors: by its label, else by its number if there are several."""
        text = kernel.label(machine.sensor(self.path(f"{kind}{number}_label")))
        alone = len(self.numbers(kind)) < 2  # noqa: PLR2004 - none of a kind, or one
        return f"{self.name}/{text}" if text else self.name if alone else f"{self.name}/{kind}{number}"


class Names:
    """Gives out names, each only once."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """Return `name`, followed by a number from the second time on."""
        self._taken[name] = self._taken.get(name, 0) + 1
        return name if self._taken[name] == 1 else f"{name} #{self._taken[name]}"


def is_faulty(machine: Host, path: str | None) -> bool:
    """Return whether the fault file at `path` says that the sensor is broken, or not connected."""
    return path is not None and kernel.alarm(machine.cached_sensor(path)) is True


def celsius(machine: Host, path: str | None, fault: str | None) -> float | None:
    """Return the temperature in the file at `path`; None where there is none, or where it means nothing."""
    return None if is_faulty(machine, fault) else kernel.millidegrees(machine.cached_sensor(path))


def chips(machine: Host) -> tuple[Chip, ...]:
    """Return all chips, in the order of their numbers; they are looked for once a minute."""
    return machine.memo.for_a_minute("hwmon", lambda: tuple(_chips(machine)))


def chip(machine: Host, name: str) -> Chip | None:
    """Return the first chip of a name; None if there is none."""
    return next((chip for chip in chips(machine) if chip.name == name), None)


def _chips(machine: Host) -> list[Chip]:
    """Look for the chips."""
    found = []
    for number in machine.listing(HWMON):
        folder = f"{HWMON}/{number}"
        name = kernel.label(machine.sensor(f"{folder}/name"))
        if name:
            found.append(Chip(name, folder, frozenset(machine.listing(folder))))
    return sorted(found, key=lambda chip: (len(chip.folder), chip.folder))
