"""Builds the board folders from declarations: `python tests/boards/build.py` writes them all again.

None of them is a recording: texts and numbers follow what is publicly known of these machines, the rest is
chosen so that an error shows. Addresses are from the ranges for documentation, serial numbers are invented.

A colon cannot be part of a file name on Windows, so it is stored as `%3A`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias

HERE = Path(__file__).resolve().parent
ORIGIN = "built from the fact sheet, not recorded"
STUB = "../../../vcgencmd"
"""From usr/bin of a board to the script that answers in place of the firmware."""

TICKS = 100
"""A second, in the unit of the kernel's CPU times."""

Tree: TypeAlias = "dict[str, bytes]"
Size: TypeAlias = "tuple[int, int, int]"
Addresses: TypeAlias = "tuple[tuple[str, str], ...]"


# What a board is made of


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
        marks: Further files in its folder.
    """

    number: str
    name: str
    sectors: int
    reads: tuple[int, int, int] = (0, 0, 0)
    writes: tuple[int, int, int] = (0, 0, 0)
    parts: tuple[tuple[str, str, int], ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Interface:
    """A network interface.

    Attributes:
        received, sent: Bytes, packets, errors, drops.
        speed: What its file holds; None where the kernel answers EINVAL instead.
        wireless: `wext` or `nl80211`, by what it is told of; empty for a wired one.
        signal: dBm; None while not associated.
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


@dataclass(frozen=True)
class Usb:
    """A USB device or root hub, with its class, its vendor:product and the classes of its interfaces."""

    name: str
    kind: str
    ids: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True)
class Firmware:
    """What vcgencmd answers.

    Attributes:
        clocks: `name index hertz` for each clock, separated by commas.
        volts: core, sdram_c, sdram_i, sdram_p.
        memory: MiB of the CPU and of the GPU.
        version: The three lines.
        oscillator: MHz of the ring oscillator.
        bootloader: Five lines; None where the command is unknown, and so with `rails`.
        space: What the firmware puts behind a temperature.
    """

    temperature: str
    clocks: str
    volts: tuple[str, str, str, str]
    memory: tuple[int, int]
    throttled: str
    version: tuple[str, str, str]
    reset: str
    oscillator: str
    bootloader: tuple[str, ...] | None = None
    rails: str | None = None
    space: str = ""


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
        model, compatible, serial: From the device tree; None where it has no such node.
        board: The last lines of /proc/cpuinfo, about the board.
        chips: hwmon devices in the order of their numbers: name, then its files.
        zones: Thermal zones in the order of their numbers: type, millidegrees.
        wext: Whether there is /proc/net/wireless.
        dmi: Maker and product of a PC.
    """

    name: str
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
    chips: tuple[tuple[str, Mapping[str, int | str]], ...]
    zones: tuple[tuple[str, int], ...]
    model: str | None = None
    compatible: tuple[str, ...] = ()
    serial: str | None = None
    board: tuple[str, ...] = ()
    firmware: Firmware | None = None
    wext: bool = True
    dmi: tuple[str, str] | None = None
    page_size: int = 4096


# From a board to its files


def build(board: Board) -> Tree:
    """The content of each file of a board, by its path."""
    tree = {
        **proc(board),
        **{f"before/{path}": content for path, content in times(board, seconds_ago=1).items()},
        **{f"sys/{path}": line(value) for path, value in sys(board).items()},
        "host.json": host(board),
    }
    if board.firmware:
        tree["vcgencmd.txt"] = transcript(board.firmware).encode()
    return {path.replace(":", "%3A"): content for path, content in tree.items()}


def line(value: object) -> bytes:
    """A file of one line, as most of /sys are."""
    return f"{value}\n".encode()


def proc(board: Board) -> Tree:
    """The files of /proc."""
    tables = {
        "cpuinfo": cpuinfo(board),
        "diskstats": diskstats(board.disks),
        "loadavg": loadavg(board),
        "meminfo": meminfo(board.memory),
        "net/dev": net_dev(board.interfaces),
        "net/snmp": net_snmp(board.connections),
        "self/mountinfo": mountinfo(board.mounts),
        "uptime": f"{board.uptime:.2f} {board.uptime * len(board.cores) * 0.9:.2f}\n",
    }
    if board.wext:
        tables["net/wireless"] = net_wireless(board.interfaces)
    return {
        **{f"proc/{path}": text.encode() for path, text in tables.items()},
        **device_tree(board),
        **times(board, seconds_ago=0),
    }


def device_tree(board: Board) -> Tree:
    """What the bootloader told the kernel; every string ends in NUL."""
    nodes = {
        "model": (board.model,) if board.model else (),
        "serial-number": (board.serial,) if board.serial else (),
        "compatible": board.compatible,
    }
    return {
        f"proc/device-tree/{node}": "".join(f"{each}\0" for each in strings).encode()
        for node, strings in nodes.items()
        if strings
    }


def times(board: Board, *, seconds_ago: int) -> Tree:
    """/proc/stat and /proc/PID/stat, now or a second before."""
    tree = {"proc/stat": stat(board, seconds_ago).encode()}
    for process in board.processes:
        tree[f"proc/{process.pid}/stat"] = process_stat(process, board.page_size, seconds_ago)
    return tree


def stat(board: Board, seconds_ago: int) -> str:
    """/proc/stat."""
    rows = [spent(core, at, board.uptime, seconds_ago) for at, core in enumerate(board.cores)]
    total = [sum(column) for column in zip(*rows, strict=True)]
    lines = [f"cpu  {joined(total)}", *(f"cpu{at} {joined(row)}" for at, row in enumerate(rows))]
    switches = int(board.uptime - seconds_ago) * 900
    rest = {
        "intr": joined([switches // 2, 0, switches // 3, *[0] * 8, switches // 7]),
        "ctxt": switches,
        "btime": int(board.time - board.uptime),
        "processes": max(each.pid for each in board.processes) + 40,
        "procs_running": 1 + sum(each.state == "R" for each in board.processes),
        "procs_blocked": 0,
        "softirq": joined([switches // 4, 3, switches // 9, 0, switches // 11, 0, 0, 0, 0, 0, 0]),
    }
    return "\n".join([*lines, *(f"{name} {value}" for name, value in rest.items())]) + "\n"


def spent(core: Core, at: int, uptime: float, seconds_ago: int) -> list[int]:
    """The ten columns of a CPU: user nice system idle iowait irq softirq steal guest guest_nice."""
    whole = int(uptime) * TICKS
    user, nice, system, iowait, softirq = (whole // each for each in (17 + at, 900, 60 + at, 700, 1500))
    guest = user // 4 if core.guest else 0
    idle = whole - user - nice - system - iowait - softirq
    kernel = core.busy // 4
    second = [
        core.busy - kernel,
        0,
        kernel,
        TICKS - core.busy - core.iowait,
        core.iowait,
        0,
        0,
        0,
        core.guest,
        0,
    ]
    now = [user, nice, system, idle, iowait, 0, softirq, 0, guest, 0]
    return [each - seconds_ago * last for each, last in zip(now, second, strict=True)]


def joined(values: Iterable[object]) -> str:
    """Values with a blank between them."""
    return " ".join(map(str, values))


def process_stat(process: Process, page_size: int, seconds_ago: int) -> bytes:
    """The 52 fields of /proc/PID/stat, as they are shown to another user."""
    used = process.used - seconds_ago * process.cpu
    kernel_thread = process.parent == 2 or process.pid == 2
    flags = 0x0020_8040 if kernel_thread else 0x0040_0100
    pages = process.rss * 1024 // page_size
    fields = [
        *(process.state, process.parent, process.pid, process.pid, 0, -1, flags),
        *(pages * 2, 0, 0, 0, used - used // 4, used // 4, 0, 0, 20, 0, process.threads, 0),
        *(round(process.start * TICKS), pages * page_size * 9, pages, 2**64 - 1),
        *(1, 1, 0, 0, 0, 0, 0, 4096, 0, 0, 0, 0, 17, process.pid % 4, 0, 0, 0, 0, 0),
        *[0] * 8,
    ]
    return f"{process.pid} (".encode() + process.name + f") {joined(fields)}\n".encode()


def cpuinfo(board: Board) -> str:
    """/proc/cpuinfo."""
    blocks = [[f"processor\t: {at}", *board.cpu.info] for at in range(len(board.cores))]
    return "\n".join("\n".join(block) + "\n" for block in [*blocks, board.board] if block)


def loadavg(board: Board) -> str:
    """/proc/loadavg."""
    pids = [each.pid for each in board.processes]
    return (
        f"{board.load[0]:.2f} {board.load[1]:.2f} {board.load[2]:.2f} 2/{180 + len(pids)} {max(pids) + 40}\n"
    )


def meminfo(memory: Memory) -> str:
    """/proc/meminfo."""
    rows = {
        "MemTotal": memory.total,
        "MemFree": memory.free,
        "MemAvailable": memory.available,
        "Buffers": memory.cached // 12,
        "Cached": memory.cached,
        "SwapCached": (memory.swap - memory.swap_free) // 8,
        **memory_lists(memory),
        "CommitLimit": memory.total // 2 + memory.swap,
        "VmallocTotal": 257687552,
        "VmallocUsed": 11612,
        "VmallocChunk": 0,
        "Percpu": 1024,
    }
    if memory.cma is not None:
        rows |= {"CmaTotal": memory.cma, "CmaFree": memory.cma // 2}
    return "".join(f"{name + ':':<15}{kib:>9} kB\n" for name, kib in rows.items())


def memory_lists(memory: Memory) -> dict[str, int]:
    """What the memory is used for, roughly."""
    anonymous = max(0, memory.total - memory.free - memory.cached) // 2
    return {
        "Active": memory.cached // 2 + anonymous // 3,
        "Inactive": memory.cached // 2 + anonymous // 2,
        "Unevictable": 16,
        "Mlocked": 16,
        "SwapTotal": memory.swap,
        "SwapFree": memory.swap_free,
        "Dirty": 132,
        "Writeback": 0,
        "AnonPages": anonymous,
        "Mapped": memory.cached // 3,
        "Shmem": memory.cached // 20,
        "Slab": memory.cached // 9,
        "SReclaimable": memory.cached // 15,
        "SUnreclaim": memory.cached // 9 - memory.cached // 15,
        "KernelStack": 3024,
        "PageTables": 6172,
    }


def diskstats(disks: Iterable[Disk]) -> str:
    """/proc/diskstats: whole disks, each with its partitions below it."""
    rows = []
    for disk in disks:
        rows.append(disk_row(disk.number, disk.name, disk, 100))
        rows.extend(disk_row(number, name, disk, share) for number, name, share in disk.parts)
    return "".join(rows)


def disk_row(number: str, name: str, disk: Disk, share: int) -> str:
    """The twenty columns of a device that did `share` percent of what `disk` did."""
    major, minor = number.split(":")
    reads, writes = ([each * share // 100 for each in three] for three in (disk.reads, disk.writes))
    busy = (reads[2] + writes[2]) // 2
    columns = [
        *(reads[0], reads[0] // 3, reads[1], reads[2]),
        *(writes[0], writes[0] // 2, writes[1], writes[2]),
        *(0, busy, reads[2] + writes[2], 0, 0, 0, 0, 0, 0),
    ]
    return f"{major:>4} {minor:>7} {name} {joined(columns)}\n"


def net_dev(interfaces: Iterable[Interface]) -> str:
    """/proc/net/dev."""
    text = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast"
        "|bytes    packets errs drop fifo colls carrier compressed\n"
    )
    for each in interfaces:
        received, packets, errors, drops = each.received
        text += (
            f"{each.name:>6}: {received:7} {packets:7} {errors:4} {drops:4}    0     0          0         0 "
        )
        sent, packets, errors, drops = each.sent
        text += f"{sent:8} {packets:7} {errors:4} {drops:4}    0     0       0          0\n"
    return text


def net_snmp(connections: int) -> str:
    """/proc/net/snmp."""
    return (
        "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos\n"
        "Ip: 2 64 184532 0 2 0 0\n"
        "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs\n"
        "Icmp: 92 0 0 88\n"
        "IcmpMsg: InType3 OutType3\n"
        "IcmpMsg: 88 91\n"
        "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab "
        "InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
        f"Tcp: 1 200 120000 -1 812 340 27 14 {connections} 163270 121846 391 0 77 0\n"
        "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti "
        "MemErrors\n"
        "Udp: 20114 88 0 4120 0 0 0 1502 0\n"
        "UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n"
        "UdpLite: 0 0 0 0 0 0\n"
    )


def net_wireless(interfaces: Iterable[Interface]) -> str:
    """/proc/net/wireless; an interface that is not associated reads all zero."""
    text = (
        "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
        " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
    )
    for each in interfaces:
        if each.wireless == "wext":
            level = each.signal or 0
            link, noise, new = (110 + level, -256, ".") if level else (0, 0, " ")
            text += f"{each.name:>6}: 0000  {link:3}{new}  {level:3}{new}  {noise:3}   "
            text += f"{0:6} {0:6} {0:6} {189:6} {0:6}   {0:6}\n"
    return text


def mountinfo(mounts: Iterable[Mount]) -> str:
    """/proc/self/mountinfo."""
    text = ""
    numbers: dict[str, int] = {}
    for number, mount in enumerate(mounts, start=21):
        parent = max((each for each in numbers if within(mount.point, each)), key=len, default=None)
        text += (
            f"{number} {numbers[parent] if parent else 1} {mount.device} {escaped(mount.root)} "
            f"{escaped(mount.point)} {mount.options} shared:{number - 20} - "
            f"{mount.kind} {escaped(mount.source)} {mount.extra}\n"
        )
        numbers[mount.point] = number
    return text


def within(path: str, folder: str) -> bool:
    """Whether `path` lies in `folder`, as far as the two texts tell."""
    return f"{path}/".startswith(folder.rstrip("/") + "/")


def escaped(text: str) -> str:
    """A name as mountinfo writes it."""
    return text.replace("\\", "\\134").replace(" ", "\\040")


def sys(board: Board) -> dict[str, object]:
    """The files of /sys, each of one line."""
    return {
        **dict(temperatures(board)),
        **dict(frequencies(board)),
        **dict(net_class(board.interfaces)),
        **dict(blocks(board.disks)),
        **dict(usb_bus(board.usb)),
        **dict(zip(("class/dmi/id/sys_vendor", "class/dmi/id/product_name"), board.dmi or (), strict=False)),
    }


def temperatures(board: Board) -> Iterator[tuple[str, object]]:
    """Thermal zones and hwmon devices."""
    for number, (kind, millidegrees) in enumerate(board.zones):
        yield f"class/thermal/thermal_zone{number}/type", kind
        yield f"class/thermal/thermal_zone{number}/temp", millidegrees
    for number, (name, files) in enumerate(board.chips):
        yield f"class/hwmon/hwmon{number}/name", name
        for file, value in files.items():
            yield f"class/hwmon/hwmon{number}/{file}", value


def frequencies(board: Board) -> Iterator[tuple[str, object]]:
    """The frequency policies of the CPU."""
    files = ("scaling_cur_freq", "scaling_min_freq", "scaling_max_freq", "scaling_governor")
    for number, values in enumerate(board.cpu.policies):
        for file, value in zip(files, values, strict=True):
            yield f"devices/system/cpu/cpufreq/policy{number}/{file}", value


def net_class(interfaces: Iterable[Interface]) -> Iterator[tuple[str, object]]:
    """Network interfaces. Those that are down have no carrier to be read."""
    for each in interfaces:
        folder = f"class/net/{each.name}"
        yield f"{folder}/address", each.mac
        yield f"{folder}/flags", f"{each.flags:#x}"
        yield f"{folder}/mtu", each.mtu
        yield f"{folder}/operstate", each.state
        if each.flags & 1:
            yield f"{folder}/carrier", 0 if each.state == "down" else 1
        if each.speed is not None:
            yield f"{folder}/speed", each.speed
        if each.wireless:
            yield f"{folder}/phy80211/name", "phy0"
        if each.wireless == "wext":
            yield f"{folder}/wireless/status", "0x0"


def blocks(disks: Iterable[Disk]) -> Iterator[tuple[str, object]]:
    """Block devices; partitions are not among them."""
    for disk in disks:
        yield f"block/{disk.name}/size", disk.sectors
        for file, value in disk.marks.items():
            yield f"block/{disk.name}/{file}", value


def usb_bus(devices: Iterable[Usb]) -> Iterator[tuple[str, object]]:
    """USB devices, and beside them their interfaces."""
    for each in devices:
        folder = f"bus/usb/devices/{each.name}"
        vendor, product = each.ids.split(":")
        yield f"{folder}/bDeviceClass", each.kind
        yield f"{folder}/idVendor", vendor
        yield f"{folder}/idProduct", product
        port = each.name.replace("usb", "") + "-0" if each.name.startswith("usb") else each.name
        for number, kind in enumerate(each.interfaces):
            yield f"bus/usb/devices/{port}:1.{number}/bInterfaceClass", kind


def transcript(firmware: Firmware) -> str:
    """What vcgencmd was asked and what it answered. Commands that are not in it are unknown to the board."""
    return "".join(f"$ vcgencmd {question}\n{reply}\n" for question, reply in replies(firmware))


def replies(firmware: Firmware) -> Iterator[tuple[str, str]]:
    """Questions with their replies."""
    yield "measure_temp", f"temp={firmware.temperature}'C{firmware.space}"
    for clock in firmware.clocks.split(","):
        name, index, hertz = clock.split()
        yield f"measure_clock {name}", f"frequency({index})={hertz}"
    yield "measure_clock sdram", "frequency(0)=0"
    yield "measure_clock", 'error=2 error_msg="Invalid arguments"'
    yield "measure_volts", f"volt={firmware.volts[0]}V"
    for name, volts in zip(("core", "sdram_c", "sdram_i", "sdram_p"), firmware.volts, strict=True):
        yield f"measure_volts {name}", f"volt={volts}V"
    for name, mib in zip(("arm", "gpu"), firmware.memory, strict=True):
        yield f"get_mem {name}", f"{name}={mib}M"
    yield "get_throttled", f"throttled={firmware.throttled}"
    yield "version", "\n".join(firmware.version)
    if firmware.bootloader:
        yield "bootloader_version", "\n".join(firmware.bootloader)
    yield "get_rsts", f"get_rsts={firmware.reset}"
    core = f"(@{firmware.volts[0]}V) ({firmware.temperature}'C)"
    yield "read_ring_osc", f"read_ring_osc(2)={firmware.oscillator}MHz {core}"
    if firmware.rails:
        yield "pmic_read_adc", "\n".join(rails(firmware.rails))


def rails(text: str) -> list[str]:
    """The lines of pmic_read_adc, currents first, from rows of rail, index and amperes, index and volts."""
    rows = [row.split() for row in text.strip().splitlines()]
    currents = [f"{row[0] + '_A':>15} current({row[1]})={row[2]}A" for row in rows if row[1] != "-"]
    return [*currents, *(f"{row[0] + '_V':>15} volt({row[-2]})={row[-1]}V" for row in rows)]


def host(board: Board) -> bytes:
    """What has no file behind it."""
    facts = {
        "origin": ORIGIN,
        "time": board.time,
        "uptime": board.uptime,
        "cores": len(board.cores),
        "page_size": board.page_size,
        "clock_ticks": TICKS,
        "statvfs": {each.point: statvfs(each.size) for each in board.mounts if each.size},
        "addresses": {each.name: each.addresses for each in board.interfaces if each.addresses},
        "users": {str(uid): name for uid, name in board.users.items()},
        "owners": {str(each.pid): each.uid for each in board.processes},
    }
    return json.dumps(facts, indent=1).encode() + b"\n"


def statvfs(size: Size | str) -> dict[str, int | str]:
    """The size of a filesystem, or why it has none."""
    if isinstance(size, str):
        return {"error": size}
    return dict(zip(("total", "used", "free"), size, strict=True))


# Pieces that several boards share


def ethernet(name: str, number: int) -> Addresses:
    """The addresses of an interface that is connected."""
    return (
        (f"192.0.2.{number}", "255.255.255.0"),
        (f"2001:db8::{number}", "ffff:ffff:ffff:ffff::"),
        (f"fe80::200:5eff:fe00:53{number}%{name}", "ffff:ffff:ffff:ffff::"),
    )


def mac(number: int) -> str:
    """A hardware address of the range for documentation."""
    return f"00:00:5e:00:53:{number:02x}"


def loopback(count: int) -> Interface:
    """`lo`, with as much traffic in as out."""
    traffic = (count * 150, count, 0, 0)
    addresses = (("127.0.0.1", "255.0.0.0"), ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
    none = "00:00:00:00:00:00"
    return Interface("lo", none, traffic, traffic, addresses, state="unknown", mtu=65536, flags=0x9)


def kernel_mounts() -> tuple[Mount, ...]:
    """What systemd mounts on every machine: none of it holds files."""
    rows = """
        0:21 /sys sysfs sysfs rw,nosuid,nodev,noexec,relatime rw
        0:22 /proc proc proc rw,nosuid,nodev,noexec,relatime rw
        0:5 /dev devtmpfs udev rw,nosuid,relatime rw,size=378308k,mode=755
        0:23 /dev/pts devpts devpts rw,nosuid,noexec,relatime rw,gid=5,mode=620
        0:24 /run tmpfs tmpfs rw,nosuid,nodev,relatime rw,size=92820k,mode=755
        0:25 /dev/shm tmpfs tmpfs rw,nosuid,nodev rw
        0:26 /run/lock tmpfs tmpfs rw,nosuid,nodev,noexec,relatime rw,size=5120k
        0:27 /sys/fs/cgroup cgroup2 cgroup2 rw,nosuid,nodev,noexec,relatime rw,nsdelegate
        0:28 /sys/fs/bpf bpf bpf rw,nosuid,nodev,noexec,relatime rw,mode=700
        0:29 /proc/sys/fs/binfmt_misc autofs systemd-1 rw,relatime rw,fd=29,pgrp=1,timeout=0,direct
        0:7 /sys/kernel/debug debugfs debugfs rw,nosuid,nodev,noexec,relatime rw
        0:30 /sys/fs/fuse/connections fusectl fusectl rw,nosuid,nodev,noexec,relatime rw
        0:31 /run/user/1000 tmpfs tmpfs rw,relatime rw,size=92816k,mode=700,uid=1000,gid=1000
    """
    found = [row.split() for row in rows.strip().splitlines()]
    return tuple(
        Mount(number, point, kind, source, options=options, extra=extra)
        for number, point, kind, source, options, extra in found
    )


def card(root: Mount, boot: str, boot_device: str) -> tuple[Mount, ...]:
    """The mounts of a Pi: root, the kernel's own, and the partition that the firmware boots from."""
    size = (535805952, 66764800, 469041152)
    vfat = "rw,fmask=0022,dmask=0022,codepage=437,iocharset=ascii,shortname=mixed,errors=remount-ro"
    number = root.device.replace(":2", ":1")
    return (root, *kernel_mounts(), Mount(number, boot, "vfat", boot_device, size, extra=vfat))


def memory_disks(*names: str) -> tuple[Disk, ...]:
    """Unused devices of the kernel: ramN, loopN."""
    return tuple(
        Disk(f"1:{name[3:]}", name, 8192) if name.startswith("ram") else Disk(f"7:{name[4:]}", name, 0)
        for name in names
    )


def household(
    python: int, journal: int = 0, threads: int = 1, rss: int = 48_128, start: float = 61.5
) -> tuple[Process, ...]:
    """The processes of a board: awkward ones, and one that is `python` percent busy."""
    return (
        Process(1, b"systemd", used=1123, start=0.02, rss=11_520, parent=0),
        Process(2, b"kthreadd", used=5, start=0.02, parent=0),
        Process(37, b"kworker/0:1H-kblockd", used=86, start=0.94, state="I", parent=2),
        Process(231, b"systemd-journal", cpu=journal, used=2048, start=3.77, rss=16_384),
        Process(687, b"my ) R 1 1 ( x", uid=33, used=77, start=12.5, rss=4_096),
        Process(801, b"caf\xe9 \xff", uid=33, used=12, start=13.25, rss=2_048),
        Process(1234, b"python3", python, 1000, start, 90_000, rss, "R" if python else "S", threads=threads),
        Process(2048, b"sh", uid=1000, used=2, start=start + 8.5, state="Z", parent=1234),
        Process(3000, b"orphan", uid=4711, used=9, start=80.01, rss=1_024),
    )


def arm(part: str, variant: str, revision: int, mips: str) -> tuple[str, ...]:
    """The lines of /proc/cpuinfo for a core of a 64-bit Arm kernel."""
    return (
        f"BogoMIPS\t: {mips}",
        "Features\t: fp asimd evtstrm crc32 cpuid",
        "CPU implementer\t: 0x41",
        "CPU architecture: 8",
        f"CPU variant\t: {variant}",
        f"CPU part\t: {part}",
        f"CPU revision\t: {revision}",
    )


def board_lines(revision: str, serial: str, model: str) -> tuple[str, ...]:
    """What a kernel of Raspberry Pi adds to /proc/cpuinfo."""
    return (f"Revision\t: {revision}", f"Serial\t\t: {serial}", f"Model\t\t: {model}")


def usb2_root(number: int) -> Usb:
    """A root hub of USB 2."""
    return Usb(f"usb{number}", "09", "1d6b:0002", ("09",))


def usb3_root(number: int) -> Usb:
    """A root hub of USB 3."""
    return Usb(f"usb{number}", "09", "1d6b:0003", ("09",))


USERS = {0: "root", 33: "www-data", 1000: "pi"}
MARCH_2023 = (
    "Mar 17 2023 10:50:56 ",
    "Copyright (c) 2012 Broadcom",
    "version 82f3750a65fadae9a38077e3c2e217ad158c8d54 (clean) (release) (start)",
)
EXT4 = "rw,errors=remount-ro"
CARD = {"device/type": "SD", "removable": "0"}


# The boards

PI_3B_PLUS = Board(
    name="pi3b-plus",
    model="Raspberry Pi 3 Model B Plus Rev 1.3",
    compatible=("raspberrypi,3-model-b-plus", "brcm,bcm2837"),
    serial="00000000a1b2c3d4",
    board=(
        "Hardware\t: BCM2835",
        *board_lines("a020d3", "00000000a1b2c3d4", "Raspberry Pi 3 Model B Plus Rev 1.3"),
    ),
    time=1680004800.5,
    uptime=86400.5,
    cores=(Core(10), Core(25), Core(5, iowait=10), Core(0)),
    cpu=Cpu(
        (
            "model name\t: ARMv7 Processor rev 4 (v7l)",
            "BogoMIPS\t: 38.40",
            "Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt lpae evtstrm crc32",
            "CPU implementer\t: 0x41",
            "CPU architecture: 7",
            "CPU variant\t: 0x0",
            "CPU part\t: 0xd03",
            "CPU revision\t: 4",
        ),
        ((1400000, 600000, 1400000, "ondemand"),),
    ),
    load=(0.42, 0.31, 0.18),
    memory=Memory(945512, 212_340, 655_104, 401_220, swap=102396, swap_free=98_300, cma=262144),
    processes=household(python=25, journal=4),
    users=USERS,
    mounts=card(
        Mount(
            "179:2", "/", "ext4", "/dev/root", (31_268_536_320, 5_874_180_096, 23_793_549_312), "rw,noatime"
        ),
        "/boot",
        "/dev/mmcblk0p1",
    ),
    disks=(
        *memory_disks("ram0", "ram1", "loop0", "loop1"),
        Disk(
            "179:0",
            "mmcblk0",
            62_333_952,
            reads=(21_400, 1_402_880, 98_100),
            writes=(38_200, 2_204_416, 410_300),
            parts=(("179:1", "mmcblk0p1", 2), ("179:2", "mmcblk0p2", 98)),
            marks=CARD,
        ),
    ),
    interfaces=(
        loopback(2_210),
        Interface(
            "eth0",
            mac(0x31),
            (184_220_118, 201_344, 0, 3),
            (20_118_402, 122_090, 0, 0),
            ethernet("eth0", 31),
            speed=1000,
        ),
        Interface("wlan0", mac(0x32), state="down", flags=0x1003, wireless="wext"),
    ),
    connections=3,
    usb=(
        usb2_root(1),
        Usb("1-1", "09", "0424:2514", ("09",)),
        Usb("1-1.1", "09", "0424:2514", ("09",)),
        Usb("1-1.1.1", "ff", "0424:7800", ("ff",)),
        Usb("1-1.1.3", "00", "046d:c31c", ("03", "03")),
    ),
    chips=(
        ("cpu_thermal", {"temp1_input": 54_230, "temp1_crit": 80_000}),
        ("rpi_volt", {"in0_lcrit_alarm": 0}),
    ),
    zones=(("cpu-thermal", 54_230),),
    firmware=Firmware(
        temperature="54.2",
        clocks="arm 48 1400000000,core 1 400000000,v3d 46 300000000,h264 28 0,isp 45 300000000,"
        "uart 22 48000000,pwm 25 0,emmc 50 200000000,pixel 29 25200000,vec 10 0,hdmi 9 0,dpi 4 0",
        volts=("1.3813", "1.2000", "1.2000", "1.2250"),
        memory=(948, 76),
        throttled="0x0",
        version=MARCH_2023,
        reset="1000",
        oscillator="3.536",
    ),
)

PI_4B = Board(
    name="pi4b-8gb",
    model="Raspberry Pi 4 Model B Rev 1.4",
    compatible=("raspberrypi,4-model-b", "brcm,bcm2711"),
    serial="10000000abcdef01",
    board=board_lines("d03114", "10000000abcdef01", "Raspberry Pi 4 Model B Rev 1.4"),
    time=1726000000.25,
    uptime=351734.27,
    cores=(Core(100), Core(88, iowait=2), Core(97), Core(15, iowait=30)),
    cpu=Cpu(arm("0xd08", "0x0", 3, "108.00"), ((1500000, 600000, 1800000, "ondemand"),)),
    load=(3.21, 2.90, 1.75),
    memory=Memory(8_050_396, 1_204_112, 5_871_040, 4_402_188, swap=204796, swap_free=201_468, cma=524288),
    processes=household(python=285, journal=3, threads=4, rss=812_544, start=350_000.0),
    users=USERS,
    mounts=(
        *card(
            Mount(
                "179:2",
                "/",
                "ext4",
                "/dev/mmcblk0p2",
                (61_019_136_000, 18_305_740_800, 40_170_446_848),
                "rw,noatime",
                EXT4,
            ),
            "/boot/firmware",
            "/dev/mmcblk0p1",
        ),
        Mount(
            "7:0",
            "/snap/core22/1380",
            "squashfs",
            "/dev/loop0",
            (71_303_168, 71_303_168, 0),
            "ro,nodev",
            "ro",
        ),
        Mount(
            "0:48",
            "/mnt/media",
            "nfs4",
            "192.0.2.10:/export/media",
            (3_936_818_806_784, 2_755_773_164_748, 1_181_045_642_036),
            extra="rw,vers=4.2,rsize=262144,wsize=262144,hard,proto=tcp,clientaddr=192.0.2.41,addr=192.0.2.10",
        ),
        Mount(
            "8:1",
            "/media/pi/USB STICK",
            "vfat",
            "/dev/sda1",
            (30_752_636_928, 1_204_224, 30_751_432_704),
            "rw,nosuid,nodev,relatime",
            "rw,uid=1000,gid=1000,fmask=0022,dmask=0022,utf8,errors=remount-ro",
        ),
        Mount(
            "179:2", "/var/lib/backup", "ext4", "/dev/mmcblk0p2", None, "ro,noatime", EXT4, "/home/pi/backup"
        ),
    ),
    disks=(
        *memory_disks("ram0", "ram1"),
        Disk(
            "7:0",
            "loop0",
            139_264,
            reads=(611, 12_420, 302),
            marks={"loop/backing_file": "/snaps/core22.snap"},
        ),
        Disk(
            "179:0",
            "mmcblk0",
            122_138_624,
            reads=(120_500, 9_204_812, 302_400),
            writes=(410_700, 22_604_800, 5_204_100),
            parts=(("179:1", "mmcblk0p1", 1), ("179:2", "mmcblk0p2", 99)),
            marks=CARD,
        ),
        Disk(
            "8:0",
            "sda",
            60_063_744,
            reads=(300, 20_400, 410),
            writes=(12, 96, 55),
            parts=(("8:1", "sda1", 100),),
            marks={"device/model": "USB Flash Drive", "removable": "1"},
        ),
    ),
    interfaces=(
        loopback(48_210),
        Interface(
            "eth0",
            mac(0x41),
            (98_220_118_402, 81_201_344, 0, 1_204),
            (4_120_118_402, 40_122_090, 0, 0),
            ethernet("eth0", 41),
            speed=1000,
        ),
        Interface("wlan0", mac(0x42), state="down", flags=0x1002, wireless="wext"),
    ),
    connections=12,
    usb=(
        usb2_root(1),
        usb3_root(2),
        Usb("1-1", "09", "2109:3431", ("09",)),
        Usb("1-1.4", "00", "046d:c52b", ("03", "03", "03")),
        Usb("2-1", "00", "0781:5581", ("08",)),
    ),
    chips=(
        ("cpu_thermal", {"temp1_input": 71_575, "temp1_crit": 110_000}),
        ("rpi_volt", {"in0_lcrit_alarm": 0}),
    ),
    zones=(("cpu-thermal", 71_575),),
    firmware=Firmware(
        temperature="71.5",
        clocks="arm 48 1500345728,core 1 500000992,v3d 46 250000496,h264 28 0,isp 45 0,uart 22 48001464,"
        "pwm 25 107143064,emmc 50 250000496,pixel 29 74988280,vec 10 0,hdmi 9 119997072,dpi 4 0",
        volts=("0.8563", "1.1000", "1.1000", "1.1000"),
        memory=(948, 76),
        throttled="0x50000",
        version=(
            "Sep  3 2020 13:11:43 ",
            "Copyright (c) 2012 Broadcom",
            "version c0ffee0123456789abcdef0123456789abcdef01 (clean) (release) (start)",
        ),
        reset="1020",
        oscillator="2.394",
        bootloader=(
            "Feb 16 2021 13:23:36",
            "version d6d82cf90123456789abcdef0123456789abcdef (release)",
            "timestamp 1613481816",
            "update-time 1613481816",
            "capabilities 0x0000001f",
        ),
    ),
)

PI_5 = Board(
    name="pi5-8gb-nvme",
    model="Raspberry Pi 5 Model B Rev 1.0",
    compatible=("raspberrypi,5-model-b", "brcm,bcm2712"),
    serial="5ca1ab1e0ddba11f",
    board=board_lines("d04170", "5ca1ab1e0ddba11f", "Raspberry Pi 5 Model B Rev 1.0"),
    time=1780500000.75,
    uptime=12045.5,
    cores=(Core(50), Core(3), Core(7, iowait=2), Core(0)),
    cpu=Cpu(arm("0xd0b", "0x4", 1, "108.00"), ((1600000, 1500000, 2400000, "ondemand"),)),
    load=(0.66, 0.54, 0.37),
    memory=Memory(8_245_328, 3_402_112, 6_871_040, 3_102_192, swap=2_097_136, swap_free=2_097_136, cma=65536),
    processes=household(python=50, journal=2, rss=131_072),
    users=USERS,
    # Its kernel has pages of 16 KiB.
    page_size=16384,
    mounts=(
        *card(
            Mount(
                "259:2",
                "/",
                "ext4",
                "/dev/nvme0n1p2",
                (502_392_610_816, 41_205_182_464, 435_592_110_080),
                "rw,noatime",
                EXT4,
            ),
            "/boot/firmware",
            "/dev/nvme0n1p1",
        ),
        Mount(
            "179:1",
            "/media/pi/bootfs",
            "vfat",
            "/dev/mmcblk0p1",
            (535_805_952, 72_351_744, 463_454_208),
            "ro,nosuid,nodev,relatime",
            "ro,uid=1000,gid=1000,utf8",
        ),
    ),
    disks=(
        *memory_disks("loop0", "loop1"),
        Disk(
            "179:0",
            "mmcblk0",
            31_116_288,
            reads=(402, 20_410, 1_020),
            parts=(("179:1", "mmcblk0p1", 60), ("179:2", "mmcblk0p2", 40)),
            marks=CARD,
        ),
        Disk(
            "259:0",
            "nvme0n1",
            1_000_215_216,
            reads=(50_210, 4_412_800, 9_120),
            writes=(31_004, 3_120_640, 22_404),
            parts=(("259:1", "nvme0n1p1", 1), ("259:2", "nvme0n1p2", 99)),
            marks={"device/model": "EXAMPLE NVME 512GB", "removable": "0"},
        ),
    ),
    interfaces=(
        loopback(1_104),
        Interface(
            "eth0",
            mac(0x51),
            (1_204_118_402, 1_201_344, 0, 0),
            (220_118_402, 822_090, 0, 0),
            ethernet("eth0", 51),
            speed=1000,
        ),
        Interface(
            "wlan0",
            mac(0x52),
            (3_402_110, 20_114, 0, 2),
            (402_118, 3_120, 0, 1),
            ethernet("wlan0", 52),
            wireless="wext",
            signal=-47,
        ),
    ),
    connections=7,
    usb=(
        usb2_root(1),
        usb3_root(2),
        usb2_root(3),
        usb3_root(4),
        Usb("1-1", "00", "2e8a:0010", ("03", "03")),
        Usb("4-1", "00", "152d:0583", ("08",)),
    ),
    chips=(
        (
            "rp1_adc",
            {
                "temp1_input": 53_710,
                "in1_input": 1485,
                "in2_input": 2508,
                "in3_input": 1401,
                "in4_input": 1486,
            },
        ),
        (
            "nvme",
            {"temp1_input": 38_850, "temp1_label": "Composite", "temp1_max": 82_850, "temp1_alarm": 0},
        ),
        ("pwmfan", {"fan1_input": 2838, "pwm1": 75, "pwm1_enable": 1}),
        ("cpu_thermal", {"temp1_input": 46_600, "temp1_crit": 110_000}),
        ("rpi_volt", {"in0_lcrit_alarm": 0}),
    ),
    zones=(("cpu-thermal", 46_600),),
    firmware=Firmware(
        temperature="46.6",
        clocks="arm 0 1600020224,core 0 910009088,v3d 0 0,h264 0 0,hevc 0 910009088,isp 0 0,uart 0 44000736,"
        "pwm 0 0,emmc 0 200005920,pixel 0 0,vec 0 0,hdmi 0 0,dpi 0 0",
        volts=("0.8749", "0.6000", "0.6000", "1.1000"),
        memory=(1016, 8),
        throttled="0x0",
        version=(
            "2026/05/11 12:20:02 ",
            "Copyright (c) 2012 Broadcom",
            "version 66f33f7e (release) (embedded)",
        ),
        reset="1020",
        oscillator="9.368",
        bootloader=(
            "2026/05/26 16:01:25",
            "version 086b83e3332dfc8927c56762771d082f3077a1ae (release)",
            "timestamp 1779807685",
            "update-time 0",
            "capabilities 0x0000007f",
        ),
        rails="""
            3V7_WL_SW 0 0.00195186 8 3.70720000
            3V3_SYS 1 0.12687090 9 3.32580900
            1V8_SYS 2 0.18835450 10 1.80415000
            DDR_VDD2 3 0.02147046 11 1.11135400
            DDR_VDDQ 4 0.00000000 12 0.60329610
            1V1_SYS 5 0.17957110 13 1.11282000
            0V8_SW 6 0.25959740 14 0.80512740
            VDD_CORE 7 0.56259000 15 0.76798460
            3V3_DAC 17 0.00000000 20 3.32142500
            3V3_ADC 18 0.00000000 21 3.32966700
            0V8_AON 16 0.00293040 19 0.80175740
            HDMI 22 0.02551890 23 5.11746000
            EXT5V - 24 5.14158000
            BATT - 25 3.28033900
        """,
        space=" ",
    ),
)

ZERO_2W = Board(
    name="zero2w-wifi",
    model="Raspberry Pi Zero 2 W Rev 1.0",
    compatible=("raspberrypi,model-zero-2-w", "brcm,bcm2837"),
    serial="00000000deadbeef",
    board=board_lines("902120", "00000000deadbeef", "Raspberry Pi Zero 2 W Rev 1.0"),
    time=1700000000.0,
    uptime=5400.0,
    cores=(Core(1), Core(0, iowait=1), Core(2), Core(0)),
    cpu=Cpu(arm("0xd03", "0x0", 4, "38.40"), ((1000000, 600000, 1000000, "ondemand"),)),
    load=(0.00, 0.03, 0.08),
    memory=Memory(437_732, 40_120, 251_904, 230_408, swap=218_864, swap_free=180_208, cma=131072),
    processes=household(python=2, journal=1, rss=22_528),
    users=USERS,
    mounts=card(
        Mount(
            "179:2",
            "/",
            "ext4",
            "/dev/mmcblk0p2",
            (31_069_302_784, 4_120_412_160, 25_637_912_576),
            "rw,noatime",
            EXT4,
        ),
        "/boot/firmware",
        "/dev/mmcblk0p1",
    ),
    disks=(
        *memory_disks("ram0", "loop0"),
        Disk("254:0", "zram0", 437_736, reads=(9_204, 73_632, 102), writes=(12_044, 96_352, 188)),
        Disk(
            "179:0",
            "mmcblk0",
            62_333_952,
            reads=(9_800, 602_112, 60_100),
            writes=(2_040, 80_640, 44_020),
            parts=(("179:1", "mmcblk0p1", 3), ("179:2", "mmcblk0p2", 97)),
            marks=CARD,
        ),
    ),
    interfaces=(
        loopback(88),
        Interface(
            "wlan0",
            mac(0x21),
            (8_402_110, 20_114, 0, 12),
            (1_402_118, 9_120, 0, 4),
            ethernet("wlan0", 21),
            wireless="wext",
            signal=-59,
        ),
    ),
    connections=1,
    usb=(usb2_root(1),),
    chips=(
        ("cpu_thermal", {"temp1_input": 41_856, "temp1_crit": 80_000}),
        ("rpi_volt", {"in0_lcrit_alarm": 0}),
    ),
    zones=(("cpu-thermal", 41_856),),
    firmware=Firmware(
        temperature="41.9",
        clocks="arm 48 1000000000,core 1 400000000,v3d 46 300000000,h264 28 0,isp 45 300000000,"
        "uart 22 48000000,pwm 25 0,emmc 50 200000000,pixel 29 0,vec 10 0,hdmi 9 0,dpi 4 0",
        volts=("1.2500", "1.2000", "1.2000", "1.2250"),
        memory=(448, 64),
        throttled="0x0",
        version=MARCH_2023,
        reset="20",
        oscillator="3.012",
    ),
)

PI_4B_MAINLINE = Board(
    name="pi4b-mainline",
    model="Raspberry Pi 4 Model B",
    compatible=("raspberrypi,4-model-b", "brcm,bcm2711"),
    time=1750000000.5,
    uptime=9000.25,
    cores=(Core(33), Core(0), Core(0), Core(1)),
    cpu=Cpu(arm("0xd08", "0x0", 3, "108.00"), ((1500000, 600000, 1500000, "schedutil"),)),
    load=(0.35, 0.40, 0.22),
    memory=Memory(3_884_736, 2_204_100, 3_402_112, 1_204_100, cma=65536),
    processes=household(python=33, rss=65_536),
    users={0: "root", 33: "www-data"},
    mounts=card(
        Mount(
            "179:2",
            "/",
            "ext4",
            "/dev/mmcblk1p2",
            (30_900_482_048, 6_204_182_528, 23_098_187_776),
            "rw,relatime",
            EXT4,
        ),
        "/boot/firmware",
        "/dev/mmcblk1p1",
    ),
    disks=(
        Disk(
            "179:0",
            "mmcblk1",
            62_333_952,
            reads=(18_020, 1_402_816, 70_210),
            writes=(10_240, 804_096, 120_440),
            parts=(("179:1", "mmcblk1p1", 2), ("179:2", "mmcblk1p2", 98)),
            marks=CARD,
        ),
    ),
    interfaces=(
        loopback(302),
        Interface("end0", mac(0x43), state="down"),
        Interface(
            "wlan0",
            mac(0x44),
            (40_402_110, 90_114, 0, 0),
            (4_402_118, 30_120, 0, 0),
            ethernet("wlan0", 44),
            wireless="nl80211",
            signal=-62,
        ),
    ),
    connections=2,
    usb=(
        usb2_root(1),
        usb3_root(2),
        Usb("1-1", "09", "2109:3431", ("09",)),
    ),
    chips=(
        ("rpi_volt", {"in0_lcrit_alarm": 1}),
        ("cpu_thermal", {"temp1_input": 49_660, "temp1_crit": 110_000}),
    ),
    zones=(("cpu-thermal", 49_660),),
    wext=False,
)

PC = Board(
    name="pc-x86",
    dmi=("Example Computers", "Desktop 9000"),
    time=1760000000.0,
    uptime=604800.0,
    cores=(Core(40, guest=20), Core(12, iowait=8), Core(0), Core(100)),
    cpu=Cpu(
        (
            "vendor_id\t: GenuineIntel",
            "cpu family\t: 6",
            "model\t\t: 142",
            "model name\t: Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz",
            "cpu MHz\t\t: 1800.000",
            "cache size\t: 6144 KB",
            "flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr",
        ),
        (
            (1_800_000, 400_000, 3_400_000, "powersave"),
            (800_021, 400_000, 3_400_000, "powersave"),
            (799_987, 400_000, 3_400_000, "powersave"),
            (3_400_012, 400_000, 3_400_000, "powersave"),
        ),
    ),
    load=(1.52, 1.10, 0.98),
    memory=Memory(16_262_140, 1_204_112, 9_871_040, 8_402_188, swap=8_388_604, swap_free=8_112_316),
    processes=household(python=99, journal=40, rss=2_048_000, threads=12, start=600_000.0),
    users={0: "root", 33: "www-data", 1000: "user"},
    mounts=(
        Mount(
            "0:50",
            "/",
            "btrfs",
            "/dev/mapper/root",
            (510_770_102_272, 210_204_118_016, 299_120_402_432),
            extra="rw,ssd,space_cache=v2,subvolid=256,subvol=/@",
            root="/@",
        ),
        *kernel_mounts(),
        Mount(
            "0:50",
            "/home",
            "btrfs",
            "/dev/mapper/root",
            (510_770_102_272, 210_204_118_016, 299_120_402_432),
            extra="rw,ssd,space_cache=v2,subvolid=257,subvol=/@home",
            root="/@home",
        ),
        Mount(
            "259:1",
            "/boot/efi",
            "vfat",
            "/dev/nvme0n1p1",
            (535_805_952, 6_360_064, 529_445_888),
            extra="rw,fmask=0077,dmask=0077",
        ),
        Mount("8:1", "/srv/data", "ext4", "/dev/sda1", (1_967_317_549_056, 922_337_203_200, 944_975_802_368)),
        Mount("8:1", "/var/lib/media", "ext4", "/dev/sda1", root="/media"),
        Mount(
            "7:0",
            "/snap/core22/1380",
            "squashfs",
            "/dev/loop0",
            (77_594_624, 77_594_624, 0),
            "ro,nodev",
            "ro",
        ),
        Mount(
            "7:1",
            "/mnt/iso",
            "iso9660",
            "/dev/loop1",
            (660_602_880, 660_602_880, 0),
            "ro,relatime",
            "ro,nojoliet",
        ),
        Mount(
            "0:61",
            "/var/lib/docker/overlay2/4f1e/merged",
            "overlay",
            "overlay",
            (510_770_102_272, 210_204_118_016, 299_120_402_432),
            extra="rw,lowerdir=/var/lib/docker/overlay2/l/AAAA,upperdir=/var/lib/docker/overlay2/4f1e/diff",
        ),
        Mount("0:4", "/run/docker/netns/0c0ffee0", "nsfs", "nsfs", options="rw", root="net:[4026532281]"),
        Mount(
            "0:62",
            "/home/user/nas",
            "fuse.sshfs",
            "backup@192.0.2.20:/srv/backup",
            "hangs",
            "rw,nosuid,nodev,relatime",
            "rw,user_id=1000,group_id=1000",
        ),
    ),
    disks=(
        Disk(
            "7:0",
            "loop0",
            151_552,
            reads=(500, 10_040, 210),
            marks={"loop/backing_file": "/snaps/core22.snap"},
        ),
        Disk("7:1", "loop1", 1_290_240, reads=(22, 804, 9), marks={"loop/backing_file": "/srv/data/dvd.iso"}),
        Disk(
            "259:0",
            "nvme0n1",
            1_000_215_216,
            reads=(1_050_210, 84_412_800, 209_120),
            writes=(2_031_004, 93_120_640, 1_022_404),
            parts=(("259:1", "nvme0n1p1", 1), ("259:2", "nvme0n1p2", 99)),
            marks={"device/model": "EXAMPLE NVME 512GB", "removable": "0"},
        ),
        Disk(
            "8:0",
            "sda",
            3_907_029_168,
            reads=(110_400, 22_604_800, 904_100),
            writes=(10_200, 5_204_800, 120_300),
            parts=(("8:1", "sda1", 100),),
            marks={"device/model": "EXAMPLE HDD 2TB", "removable": "0"},
        ),
        Disk(
            "253:0",
            "dm-0",
            998_117_376,
            reads=(1_039_700, 83_568_600, 240_200),
            writes=(2_010_690, 92_189_400, 1_404_800),
            marks={"dm/name": "root"},
        ),
    ),
    interfaces=(
        loopback(920_114),
        Interface(
            "eth0",
            mac(0x91),
            (48_220_118_402, 41_201_344, 2, 104),
            (14_120_118_402, 20_122_090, 1, 7),
            ethernet("eth0", 91),
            speed=2500,
        ),
        Interface(
            "docker0",
            mac(0x92),
            (8_110_402, 9_204, 0, 0),
            (12_204_118, 11_204, 0, 0),
            (("198.51.100.1", "255.255.255.0"),),
            speed=-1,
        ),
        Interface(
            "veth5a1c",
            mac(0x93),
            (8_239_258, 9_204, 0, 0),
            (12_361_002, 11_240, 0, 0),
            speed=10000,
            flags=0x1303,
        ),
    ),
    connections=41,
    usb=(
        usb2_root(1),
        usb3_root(2),
        Usb("1-1", "00", "046d:c077", ("03",)),
        Usb("1-5", "ef", "0c45:6713", ("0e", "0e")),
        Usb("1-8", "e0", "8087:0a2b", ("e0", "e0")),
        Usb("2-3", "09", "05e3:0612", ("09",)),
        Usb("2-3.1", "00", "0bda:8153", ("ff",)),
    ),
    chips=(
        ("acpitz", {"temp1_input": 27_800}),
        ("nvme", {"temp1_input": 41_850, "temp1_label": "Composite"}),
        (
            "coretemp",
            {
                "temp1_input": 63_000,
                "temp1_label": "Package id 0",
                "temp1_max": 100_000,
                "temp2_input": 61_000,
                "temp2_label": "Core 0",
            },
        ),
    ),
    zones=(("acpitz", 27_800), ("x86_pkg_temp", 63_000)),
)

BOARDS = (PI_3B_PLUS, PI_4B, PI_5, ZERO_2W, PI_4B_MAINLINE, PC)


# Writing


def write(board: Board, folder: Path) -> None:
    """Write a board into its folder; what is expected of it, beside its files, stays as it is."""
    for name in ("proc", "sys", "before", "usr"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path, content in build(board).items():
        target = folder / PurePosixPath(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if board.firmware:
        link = folder / "usr/bin/vcgencmd"
        link.parent.mkdir(parents=True)
        link.symlink_to(STUB)


def main() -> None:
    """Write all boards."""
    parser = argparse.ArgumentParser(description="Write the board folders.")
    parser.add_argument("--into", type=Path, default=HERE, help="where, other than beside this file")
    into = parser.parse_args().into
    for board in BOARDS:
        write(board, into / board.name)


if __name__ == "__main__":
    main()
