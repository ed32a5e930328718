"""Findings about the speed of the processor, and about how much is asked of it."""

from __future__ import annotations

from pistat.diagnosis.finding import Finding, Measured, Moment, Severity, Stage, flag, name
from pistat.machine import board

INFO = Severity.INFO
DOCUMENTATION = "https://www.raspberrypi.com/documentation/computers"


def _capped(moment: Moment) -> Measured:
    """Return whether the frequency is capped, and no other finding explains it."""
    capped = moment.get("power", "freq_capped")
    if not capped:
        return capped  # type: ignore[no-any-return] # false or null
    return not (moment.get("power", "under_voltage") or moment.get("power", "throttled"))


def _load(moment: Moment) -> Measured:
    """Return how much is asked of each core, over 15 minutes."""
    load, cores = moment.values.get("load_avg"), moment.values.get("per_cpu_usage")
    if not load or load[2] is None or not cores:
        return None
    return load[2] / len(cores)  # type: ignore[no-any-return] # a float


def busiest(moment: Moment) -> str:
    """Return the name of the process that uses most of the CPU, where somebody has looked for it."""
    found = moment.processes.get("cpu")
    return f"; the busiest is {name(found)}" if found else ""


frequency_capped = Finding(
    id="cpu.frequency_capped",
    reads=("power.freq_capped", "power.under_voltage", "power.throttled"),
    measure=_capped,
    stages=(flag(INFO, hold=900.0),),
    title="The processor has been kept below its full speed for 15 minutes",
    text="Your Pi works, but slower than it could, and neither the power supply nor heat is reported as the cause.",
    advice="Look for a speed limit (`arm_freq`) in /boot/firmware/config.txt. If there is none, try the official power "
    "supply for your model.",
    source=f"{DOCUMENTATION}/os.html#get_throttled",
    basis="Raspberry Pi documentation: bit 1 of get_throttled",
    condition="the frequency is capped, without under-voltage and throttling",
    alert="PiFrequencyCapped",
)

governor = Finding(
    id="cpu.governor",
    reads=("cpu_governor",),
    measure=lambda moment: None if (told := moment.get("cpu_governor")) is None else told == "powersave",
    stages=(flag(INFO),),
    title="The processor is set to always run slowly",
    text="The setting is called the governor, and it is `powersave`: the processor stays at its lowest speed, however "
    "much there is to do.",
    advice="If you did not choose that, restart your Pi: `ondemand` is the usual setting. It may be set by "
    "`cpufreq.default_governor` in /boot/firmware/cmdline.txt, or by a program for saving power.",
    source="https://docs.kernel.org/admin-guide/pm/cpufreq.html",
    basis="kernel documentation: powersave asks for the lowest frequency",
    condition="the governor is powersave",
    not_for=board.no_videocore,
)

load = Finding(
    id="cpu.load",
    reads=("load_avg[3]", "per_cpu_usage[core]"),
    measure=_load,
    stages=(Stage(INFO, 2.0, 1.75, hold=900.0),),
    title="The processor has more work than it can do",
    text="For 15 minutes, about {value:.1f} programs at a time have wanted each core of the processor, so your Pi "
    "reacts slowly{busiest}.",
    advice="See what is busy in the list of processes (/processes?sort=cpu). If it is work that you want done, there is nothing to fix.",
    source="https://github.com/netdata/netdata/blob/master/src/health/health.d/load.conf",
    basis="netdata: 15-minute load of twice the cores",
    condition="the 15-minute load is above 2 for each core",
    words=lambda moment, _, __: {"busiest": busiest(moment)},
    accepts=(0.5, 100.0),
)

FINDINGS = (frequency_capped, governor, load)
