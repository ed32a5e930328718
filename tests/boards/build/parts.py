"""What a board is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

TICKS = 100
"""A second, in the unit of the kernel's CPU times."""

Tree: TypeAlias = "dict[str, bytes]"
Size: TypeAlias = "tuple[int, int, int]"
Addresses: TypeAlias = "tuple[tuple[str, str], ...]"
Chip: TypeAlias = "tuple[str, Mapping[str, int | str]]"


@dataclass(frozen=True)
class Core:
    """One CPU in the last second, in percent; guest time is part of busy time."""

    busy: int
    iowait: int = 0
    guest: int = 0


@dataclass(frozen=True)
class Process:
    """One process.

    Attributes:
        cpu: Percent of one core in the last second.
        start: Seconds from boot to its start.
        used: Ticks of CPU time in all.
        rss: Resident memory in KiB.
    """

    pid: int
    name: bytes
    cpu: int = 0
    uid: int = 0
    start: float = 1.0
    used: int = 400
    rss: int = 0
    state: str = "S"
    parent: int = 1
    threads: int = 1


@dataclass(frozen=True)
class Memory:
    """Memory in KiB."""

    total: int
    free: int
    available: int
    cached: int
    swap: int = 0
    swap_free: int = 0
    cma: int | None = None


@dataclass(frozen=True)
class Mount:
    """A row of mountinfo, and the bytes total, used and free of statvfs there, or why it gives none."""

    device: str
    point: str
    kind: str
    source: str
    size: Size | str | None = None
    options: str = "rw,relatime"
    extra: str = "rw"
    root: str = "/"


@dataclass(frozen=True)
class Disk:
    """A block device.

    Attributes:
        number: Its device number, major:minor.
        sectors: Its size, in units of 512 bytes.
        reads, writes: Count, sectors and milliseconds since boot.
        parts: Number, name and share in percent of what the disk did, for each partition.
        read_only: Whether the device itself takes no writes.
        slaves: The devices that it is made of.
        marks: Further files in its folder.
    """

    number: str
    name: str
    sectors: int
    reads: tuple[int, int, int] = (0, 0, 0)
    writes: tuple[int, int, int] = (0, 0, 0)
    parts: tuple[tuple[str, str, int], ...] = ()
    read_only: bool = False
    slaves: tuple[str, ...] = ()
    marks: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Interface:
    """A network interface.

    Attributes:
        received, sent: Bytes, packets, errors, drops.
        speed: What its file holds; None where the kernel answers EINVAL instead.
        wireless: `wext` or `nl80211`, by what it is told of; empty for a wired one.
        signal: dBm; None while not associated.
        link: MHz and bit/s of a wireless link.
        power_save: Whether its radio sleeps, as it does unless somebody has switched that off.
    """

    name: str
    mac: str
    received: tuple[int, int, int, int] = (0, 0, 0, 0)
    sent: tuple[int, int, int, int] = (0, 0, 0, 0)
    addresses: Addresses = ()
    state: str = "up"
    speed: int | None = None
    mtu: int = 1500
    flags: int = 0x1003
    wireless: str = ""
    signal: int | None = None
    link: tuple[int, int] = (2_437, 72_200_000)
    power_save: bool = True

    @property
    def driver(self) -> str | None:
        """The kernel's driver of a virtual interface, by the usual name of one."""
        if "." in self.name:
            return "vlan"
        name = self.name.rstrip("0123456789abcdef")
        return {"docker": "bridge", "br": "bridge", "v": "veth", "veth": "veth", "wg": "wireguard"}.get(name)

    @property
    def master(self) -> str | None:
        """The bridge of a container's interface."""
        return "docker0" if self.driver == "veth" else None

    @property
    def hardware(self) -> int:
        """ARPHRD_*."""
        return 772 if self.name == "lo" else 65534 if self.driver == "wireguard" else 1


@dataclass(frozen=True)
class Usb:
    """A USB device or root hub, with its class and the classes of its interfaces."""

    name: str
    kind: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True)
class Firmware:
    """What vcgencmd answers.

    Attributes:
        clocks: Hertz of each clock.
        indices: The number that the reply for a clock has in brackets; 0 where it is not here.
        volts: core, sdram_c, sdram_i, sdram_p.
        memory: MiB of the CPU and of the GPU.
        version: The three lines.
        oscillator: MHz of the ring oscillator.
        total: MiB of memory in all.
        bootloader: Five lines; None where the command is unknown, and so with `rails`.
        temperature: Degrees, in the text that the firmware makes of them.
        pmic: The temperature of the power chip in the same way; before the Pi 4 it is that of the SoC.
        space: What the firmware puts behind a temperature.
        instead: Replies that are not as they should be, by question.
        refusal: What is printed in place of any reply, with `{question}` in it.
        tool: Where vcgencmd lies.
    """

    clocks: dict[str, int]
    volts: tuple[str, str, str, str]
    memory: tuple[int, int]
    version: tuple[str, str, str]
    oscillator: str
    indices: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    reset: str = "1000"
    throttled: str = "0x0"
    bootloader: tuple[str, ...] | None = None
    rails: str | None = None
    temperature: str = ""
    pmic: str = ""
    space: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    tool: str = "usr/bin/vcgencmd"


@dataclass(frozen=True)
class Trip:
    """A temperature in millidegrees at which the kernel does something, and how far it must fall again."""

    kind: str
    temperature: int
    hysteresis: int = 0


@dataclass(frozen=True)
class Zone:
    """A thermal zone: its type, its temperature in millidegrees, its trip points."""

    kind: str
    temperature: int
    trips: tuple[Trip, ...] = ()


class System(NamedTuple):
    """What runs: the name of the distribution, the kernel, its architecture, the width of programs."""

    name: str
    kernel: str
    architecture: str
    bits: int


@dataclass(frozen=True)
class Cpu:
    """The processor: its lines of /proc/cpuinfo; of each cpufreq policy kHz now, least, most, governor."""

    info: tuple[str, ...]
    policies: tuple[tuple[int, int, int, str], ...]


@dataclass(frozen=True)
class Board:
    """One machine.

    Attributes:
        name: The folder.
        note: Its story, and what of it nobody has confirmed.
        system: What runs on it.
        tree: The properties of the device tree: texts, numbers of 32 bits, None for what is not there.
        lines: The last lines of /proc/cpuinfo, about the board.
        chips: hwmon devices in the order of their numbers: name, then its files.
        zones: Thermal zones in the order of their numbers.
        wext: Whether there is /proc/net/wireless.
        sysfs: Whether there is /sys.
        dmi: Maker and product of a PC.
        unreadable: Files and devices that are there but cannot be read, with the name of the error.
        groups: The group of a device that its members may open.
        files: Further files: the text of each, by its path. Those below `before` are those of a second ago.
        modified: When some of its files and folders were last changed.
        services: The state of its services, and of those that have failed name, description and since when.
        fails: The keys of `/stats` of which something fails.
    """

    name: str
    note: str
    system: System
    time: float
    uptime: float
    cores: tuple[Core, ...]
    cpu: Cpu
    load: tuple[float, float, float]
    memory: Memory
    processes: tuple[Process, ...]
    users: Mapping[int, str]
    mounts: tuple[Mount, ...]
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]
    connections: int
    usb: tuple[Usb, ...]
    chips: tuple[Chip, ...]
    zones: tuple[Zone, ...]
    tree: Mapping[str, str | int | None] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    firmware: Firmware | None = None
    wext: bool = True
    sysfs: bool = True
    dmi: tuple[str, str] | None = None
    page_size: int = 4096
    hostname: str = "raspberrypi"
    unreadable: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    modified: Mapping[str, float] = field(default_factory=dict)
    services: tuple[str | tuple[str, str, float], ...] = ()
    fails: tuple[str, ...] = ()
