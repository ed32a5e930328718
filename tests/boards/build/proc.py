"""The files of /proc."""

from __future__ import annotations

from collections.abc import Iterable

from boards.build.parts import TICKS, Board, Core, Disk, Interface, Memory, Mount, Process, Tree


def proc(board: Board) -> Tree:
    """The files of /proc."""
    tables = {
        "cpuinfo": cpuinfo(board),
        "diskstats": diskstats(board.disks),
        "loadavg": loadavg(board),
        "meminfo": meminfo(board.memory),
        "net/dev": net_dev(board.interfaces),
        "net/snmp": net_snmp(board.connections),
        "net/route": net_route(board.interfaces),
        "self/mountinfo": mountinfo(board.mounts),
        "vmstat": vmstat(board.memory),
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
    """What the bootloader told the kernel: a text ends in NUL, a number has its highest byte first."""
    return {
        f"proc/device-tree/{path}": f"{value}\0".encode() if isinstance(value, str) else value.to_bytes(4)
        for path, value in board.tree.items()
        if value is not None
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
    return "\n".join("\n".join(block) + "\n" for block in [*blocks, board.lines] if block)


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


def vmstat(memory: Memory) -> str:
    """/proc/vmstat, of which most rows are left out."""
    swapped = (memory.swap - memory.swap_free) // 4
    rows = {
        "nr_free_pages": memory.free // 4,
        "nr_file_pages": memory.cached // 4,
        "pswpin": swapped // 3,
        "pswpout": swapped * 2,
        "pgfault": 184_402_118,
        "oom_kill": 0,
    }
    return "".join(f"{name} {value}\n" for name, value in rows.items())


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


def net_route(interfaces: Iterable[Interface]) -> str:
    """/proc/net/route: the default route, by the first interface with hardware that is up."""
    text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    usable = [each for each in interfaces if each.addresses and each.driver is None and each.name != "lo"]
    for each in usable[:1]:
        text += f"{each.name}\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
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
