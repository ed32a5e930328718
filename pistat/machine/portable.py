"""All that macOS and Windows get: what psutil and the standard library know, in the types of this package."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, NamedTuple

import psutil

from pistat.machine.cpu_times import Snapshot, Spent, Times
from pistat.machine.mounts import REMOTE, Mount, nearest
from pistat.machine.network.links import FAMILIES, Link
from pistat.machine.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pistat.parsers.values import Json

Counters = dict[str, "Json"]


class Memory(NamedTuple):
    """Bytes of memory and of swap."""

    total: int
    available: int
    swap_total: int
    swap_free: int


def cpu_times() -> Snapshot:
    """Read the CPU times: all CPUs together first, then each of them."""
    cores = [_spent(row) for row in psutil.cpu_times(percpu=True)]
    times: Times = [Spent(sum(core.busy for core in cores), sum(core.total for core in cores)), *cores]
    return Snapshot(lambda: times)


def _spent(times: object) -> Spent:
    """Convert a row of psutil. Windows counts interrupts within system time and names them again."""
    spent = {name: getattr(times, name, 0.0) for name in ("user", "nice", "system", "idle")}
    return Spent(spent["user"] + spent["nice"] + spent["system"], sum(spent.values()))


def cpu_megahertz() -> float | None:
    """Return the current frequency of the CPU; None where it is not known."""
    current = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    return float(current.current) or None if current else None


def load_average() -> list[float] | None:
    """Return the load averages; None on Windows, where psutil's imitation begins with false zeros."""
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None


def memory() -> Memory:
    """Read the use of memory and swap."""
    main, swap = psutil.virtual_memory(), psutil.swap_memory()
    return Memory(main.total, main.available, swap.total, swap.free)


def processes(uptime: float) -> dict[int, Process]:
    """Read the process table, at `uptime` seconds after boot."""
    boot = psutil.boot_time()
    found = {}
    for process in psutil.process_iter(["name", "username", "create_time", "cpu_times", "memory_info"]):
        info = process.info
        if info["name"] == "System Idle Process":
            # Windows counts the time in which the CPU had nothing to do as the use of a process.
            continue
        times, rss = info["cpu_times"], info["memory_info"]
        began = min(max(0.0, (info["create_time"] or boot) - boot), uptime)
        cpu = times.user + times.system if times else 0.0
        found[process.pid] = Process(info["name"] or "", info["username"], began, cpu, rss.rss if rss else 0)
    return found


def mounts() -> list[Mount]:
    """List what holds files, each filesystem once."""
    rows = psutil.disk_partitions(all=False)
    return nearest(
        (
            row.device,
            Mount(row.device, row.mountpoint, row.fstype, "ro" in row.opts.split(","), row.fstype in REMOTE),
        )
        for row in rows
    )


def disk_counters(names: Iterable[str]) -> Counters:
    """Read these counters, each the sum over all disks; None for a counter that the platform has not."""
    found = psutil.disk_io_counters()
    return {name: getattr(found, name, None) for name in names}


def interface_counters(names: Iterable[str]) -> dict[str, Counters]:
    """Read these counters of every interface but the loopback."""
    wanted = tuple(names)
    return {
        interface: {name: getattr(found, name) for name in wanted}
        for interface, found in psutil.net_io_counters(pernic=True).items()
        if not is_loopback(interface)
    }


def links(names: Iterable[str]) -> dict[str, Link]:
    """Read the state of every interface but the loopback, with these of its counters."""
    states, addresses = psutil.net_if_stats(), psutil.net_if_addrs()
    found: dict[str, Link] = {}
    for interface, counters in interface_counters(names).items():
        state, rows = states.get(interface), addresses.get(interface, [])
        macs = [row.address for row in rows if row.family == psutil.AF_LINK]
        found[interface] = Link(
            state.isup if state else None,
            macs[0].replace("-", ":").lower() if macs else None,
            state.mtu if state else None,
            state.speed if state else None,
            [with_prefix(row.address, row.netmask) for row in rows if row.family in FAMILIES],
            counters,
        )
    return found


def is_loopback(name: str) -> bool:
    """Return whether an interface of macOS, BSD or Windows is the loopback, by its name there."""
    return name in {"lo", "lo0"} or name.startswith("Loopback")


def with_prefix(address: str, netmask: str | None) -> str:
    """Join `192.0.2.7` and `255.255.255.0` to `192.0.2.7/24`; link-local addresses lose their `%eth0`."""
    bare = address.partition("%")[0]
    return f"{bare}/{int(ipaddress.ip_address(netmask)).bit_count()}" if netmask else bare
