"""Findings about the memory and the swap."""

from __future__ import annotations

from pistat.diagnosis.finding import Finding, Measured, Moment, Severity, Stage, flag, name, recent, within

WARNING = Severity.WARNING
NETDATA = "https://github.com/netdata/netdata/blob/master/src/health/health.d"
PAGE = 4096
PAGES_OF_A_PER_CENT = 50.0
"""How many pages a second stand for a per cent of the time: 500 for the 10 % at which it begins."""

HALF = 50.0
SCARCE = 25.0
"""Per cent of the memory that is available, above which a full swap is no trouble."""


def _available(moment: Moment) -> Measured:
    """Return the share of the memory that programs can still have, in per cent."""
    available, total = moment.get("memory", "available"), moment.get("memory", "total")
    return 100.0 * available / total if total and available is not None else None


def _swap(moment: Moment) -> Measured:
    """Return the share of the swap in use while memory is scarce, in per cent; 0 while it is not."""
    used, available = moment.get("swap", "percent"), _available(moment)
    if used is None or available is None:
        # Without swap there is none that could be full.
        return {}
    return {"": used if available < SCARCE else 0.0}  # type: ignore[operator] # a number


def largest(moment: Moment) -> str:
    """Return the name of the process that takes most of the memory, where somebody has looked for it."""
    found = moment.processes.get("memory")
    return f"; the largest program is {name(found)}" if found else ""


def _kills(moment: Moment) -> Measured:
    """Return the seconds since the kernel last stopped a program because memory ran out."""
    assert moment.past is not None
    kills = moment.get("memory", "oom_kills")
    return None if kills is None else moment.past.since_rise("oom kills", kills, moment.boot)


def _thrash(moment: Moment) -> Measured:
    """Return the share of the time in which everything waits for memory, in per cent.

    Without the kernel's figure for it, it is estimated from what goes to and from the swap.
    """
    assert moment.past is not None
    waiting = moment.get("pressure", "memory", "full_avg60")
    if waiting is not None:
        return waiting  # type: ignore[no-any-return] # a number
    swap = moment.get("swap") or {}
    if swap.get("percent") is None:
        # Without swap nothing goes there.
        return {}
    read, written = swap.get("bytes_in"), swap.get("bytes_out")
    if read is None or written is None:
        return None
    moved = float(read + written)
    window = moment.past.window("swapped", moved, moment.boot, seconds=90.0, step=10.0)
    seconds = moment.boot - window[0][0]
    if swap["percent"] <= HALF or seconds <= 0:
        return {"": 0.0}
    pages = max(0.0, moved - window[0][1]) / PAGE / seconds
    return {"": pages / PAGES_OF_A_PER_CENT}


def _cgroup_off(moment: Moment) -> Measured:
    """Return whether containers run whose memory the kernel does not count; nothing without containers."""
    found = moment.values.get("containers") or ()
    return {"": any(row["memory_source"] == "rss" for row in found)} if found else {}


low = Finding(
    id="memory.low",
    reads=("memory.available", "memory.total"),
    measure=_available,
    stages=(Stage(WARNING, 10.0, 15.0, hold=600.0),),
    below=True,
    title="Only {value:.0f} % of the memory is left",
    text="When it runs out, your Pi becomes very slow, or the system stops a program to get memory back{largest}.",
    advice="See what uses it in the list of processes (/processes?sort=memory). Stop programs that you do not need, or "
    "restart one that has grown.",
    source=f"{NETDATA}/ram.conf",
    basis="netdata: warns below 10 % available, until 15 %",
    condition="less than 10 % of the memory is available",
    words=lambda moment, _, __: {"largest": largest(moment)},
    accepts=(1.0, 50.0),
    alert="PiMemoryLow",
)

swap_full = Finding(
    id="memory.swap_full",
    reads=("swap.percent", "memory.available", "memory.total"),
    measure=_swap,
    stages=(Stage(WARNING, 80.0, 60.0, hold=900.0),),
    title="The swap space is {value:.0f} % full and memory is short",
    text="Your Pi needs more memory than it has and moves parts of it to the swap space, which is slow and, if that is on "
    "an SD card, wears out the card{largest}.",
    advice="Run fewer programs on this Pi, or use a model with more memory.",
    source=f"{NETDATA}/swap.conf",
    basis="netdata, and the alert of this project: 80 % used while less than 25 % of the memory is available",
    condition="more than 80 % of the swap is used while less than 25 % of the memory is available",
    words=lambda moment, _, __: {"largest": largest(moment)},
    accepts=(10.0, 99.0),
    alert="PiSwapping",
)

oom = Finding(
    id="memory.oom",
    reads=("memory.oom_kills",),
    measure=_kills,
    stages=(recent(WARNING),),
    below=True,
    title="The memory ran out and a program was stopped",
    text="Within {within}, your Pi had no memory left, so the system stopped a program, which may not be the one that "
    "used the memory; what it had not saved is lost.",
    advice="See which one: `journalctl -k -g 'Out of memory'`. Run fewer programs, or use a model with more memory.",
    source="https://github.com/netdata/netdata/blob/master/src/health/health.d/ram.conf",
    basis="netdata: the kernel's count of such kills; after a day it no longer counts",
    condition="the kernel stopped a program because memory ran out, within the last 24 hours",
    words=lambda _, __, since: {"within": within(since)},
    now=False,
)

thrash = Finding(
    id="memory.thrash",
    reads=("pressure.memory.full_avg60", "swap.bytes_in", "swap.bytes_out", "swap.percent"),
    measure=_thrash,
    stages=(Stage(WARNING, 10.0, 5.0, hold=300.0),),
    title="Your Pi is short of memory and keeps swapping",
    text="It keeps moving memory to the swap space and back instead of working, so everything is slow; if that space is "
    "on an SD card, it also wears out the card{largest}.",
    advice="Run fewer programs, or use a model with more memory. Compressed swap (zram) helps a little.",
    source="https://github.com/Linuxfabrik/monitoring-plugins/issues/746",
    basis="Linuxfabrik: 10 % of the time; without pressure readings netdata's rate of swapping, 500 pages a second",
    condition="for more than 10 % of the time everything waits for memory; without that reading, more than 500 pages a "
    "second go to and from a swap that is more than half full",
    words=lambda moment, _, __: {"largest": largest(moment)},
    accepts=(1.0, 100.0),
    now=False,
)

cgroup_off = Finding(
    id="memory.cgroup_off",
    reads=("containers[row].memory_source",),
    measure=_cgroup_off,
    stages=(flag(Severity.INFO),),
    title="Memory limits of containers have no effect",
    text="By default, the kernel of Raspberry Pi OS does not count the memory of containers, so a memory limit in Docker or "
    "Podman does nothing, and one container can take all of the memory.",
    advice="If you do not set limits, ignore this. Otherwise add `cgroup_enable=memory` at the end of the one line in "
    "/boot/firmware/cmdline.txt, with a space before it and without starting a new line, and restart.",
    source="https://github.com/RPi-Distro/pi-gen/issues/917",
    basis="the memory controller of the kernel's cgroups is off",
    condition="containers run, and the kernel does not count their memory",
)

FINDINGS = (low, oom, swap_full, thrash, cgroup_off)
