"""Findings about the memory and the swap."""

from __future__ import annotations

from pistat.diagnosis.finding import Finding, Measured, Moment, Severity, Stage, name

WARNING = Severity.WARNING
NETDATA = "https://github.com/netdata/netdata/blob/master/src/health/health.d"
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
    return f" The largest program is {name(found)}." if found else ""


low = Finding(
    id="memory.low",
    reads=("memory.available", "memory.total"),
    measure=_available,
    stages=(Stage(WARNING, 10.0, 15.0, hold=600.0),),
    below=True,
    title="Only {value:.0f} % of the memory is left",
    text="When it runs out, your Pi becomes very slow, or the kernel ends a program to get memory back.{largest}",
    advice="See what takes it: /processes?sort=memory. Stop what you do not need, or restart what has grown.",
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
    text="Your Pi needs more memory than it has and moves parts of it to the disk, which is slow and wears out an "
    "SD card.{largest}",
    advice="Run fewer programs on this Pi, or use a model with more memory.",
    source=f"{NETDATA}/swap.conf",
    basis="netdata, and the alert of this project: 80 % used while less than 25 % of the memory is available",
    condition="more than 80 % of the swap is used while less than 25 % of the memory is available",
    words=lambda moment, _, __: {"largest": largest(moment)},
    accepts=(10.0, 99.0),
    alert="PiSwapping",
)

FINDINGS = (low, swap_full)
