"""CPU: temperature, frequency, usage."""

from __future__ import annotations

import re

from pistat.collectors import sources
from pistat.collectors.asking import Asking
from pistat.field import Field, File, Question, Reading, Unit, Values, collector, first_of
from pistat.machine import cpu_times, portable
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import kernel, vcgencmd

ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp")
CHIPS = ("cpu_thermal", "cpu-thermal", "coretemp", "k10temp", "zenpower")
"""hwmon names of CPU sensors; `rp1_adc` of a Pi 5 is another chip and must not be taken for one."""

CPUFREQ = "/sys/devices/system/cpu/cpufreq"

MEGAHERTZ = re.compile(r"\ncpu MHz[ \t]*:[ \t]*([0-9]+(?:\.[0-9]+)?)\n")
"""The lines of /proc/cpuinfo that x86 kernels have and Arm kernels have not."""


@collector(
    Field(
        "cpu_temp",
        Unit.CELSIUS,
        "Temperature of the SoC, or of a PC's processor.",
        first_of(
            File("/sys/class/thermal/thermal_zone*/temp"),
            File("/sys/class/hwmon/hwmon*/temp1_input"),
            Question("measure_temp"),
        ),
    ),
    deadline=2.0,
    finds=(sources.ZONES, sources.CHIPS),
)
def cpu_temp(machine: Machine) -> Reading:
    path = machine.memo.for_a_minute("cpu_temp", lambda: _sensors(machine))
    if path is None:
        asking = Asking(machine.firmware)
        return asking.settle({"cpu_temp": asking("measure_temp", vcgencmd.temperature)})
    return {"cpu_temp": kernel.millidegrees(machine.read_cached_text(path))}


def _sensor(machine: Machine, folder: str, label: str, value: str, wanted: tuple[str, ...]) -> str | None:
    """Return the sensor of the CPU, by its name: the numbers differ from kernel to kernel."""
    found: dict[str, str] = {}
    for device in machine.names(folder):
        name = machine.word(f"{folder}/{device}/{label}")
        if name is not None and machine.exists(f"{folder}/{device}/{value}"):
            found.setdefault(name, f"{folder}/{device}/{value}")
    return next((found[name] for name in wanted if name in found), None)


def _sensors(machine: Machine) -> str | None:
    return _sensor(machine, "/sys/class/thermal", "type", "temp", ZONES) or _sensor(
        machine, "/sys/class/hwmon", "name", "temp1_input", CHIPS
    )


def portable_frequency(machine: Machine) -> Values:
    """Read the frequency where there is no /sys."""
    return {"cpu_freq": portable.cpu_megahertz()}


def _no_frequency(machine: Machine) -> Unavailable | None:
    """Return why the kernel reports no frequency; the lines of /proc/cpuinfo are those of x86 only."""
    if machine.exists(f"{CPUFREQ}/policy0"):
        return None
    return Unavailable(
        Reason.NO_FILE,
        f"There is no {CPUFREQ}/policy*: the kernel has no cpufreq driver for this machine, or, on a "
        "Raspberry Pi, the firmware does not answer that driver.",
    )


@collector(
    Field(
        "cpu_freq",
        Unit.MEGAHERTZ,
        "Frequency of the CPU; the mean where its cores have their own.",
        first_of(File(f"{CPUFREQ}/policy*/scaling_cur_freq"), File(sources.CPUINFO, "cpu MHz")),
        unless=_no_frequency,
    ),
    elsewhere=portable_frequency,
)
def cpu_freq(machine: Machine) -> Values:
    policies = machine.memo.for_a_minute("cpufreq", lambda: _policies(machine))
    texts = [machine.cached_text_or_none(f"{policy}/scaling_cur_freq") for policy in policies]
    frequencies = [kernel.kilohertz(text) for text in texts if text is not None]
    megahertz = [hertz / 1e6 for hertz in frequencies if hertz is not None]
    if not policies:
        cpuinfo = machine.cached_text_or_none(sources.CPUINFO) or ""
        megahertz = [float(number) for number in MEGAHERTZ.findall(cpuinfo)]
    return {"cpu_freq": round(sum(megahertz) / len(megahertz), 2) if megahertz else None}


def _policies(machine: Machine) -> list[str]:
    """Return the folders of the cores, or of groups of cores, that have a frequency of their own."""
    return [f"{CPUFREQ}/{name}" for name in machine.names(CPUFREQ) if name.startswith("policy")]


def _usage(older: cpu_times.Times, newer: cpu_times.Times) -> Values:
    together, *cores = cpu_times.usage(older, newer)
    return {"cpu_usage": together, "per_cpu_usage": list(cores)}


@collector(
    Field(
        "cpu_usage",
        Unit.PERCENT,
        "Share of time busy over the last whole second or so, all cores together.",
        File("/proc/stat"),
    ),
    Field(
        "per_cpu_usage[core]",
        Unit.PERCENT,
        "The same for each core, in order.",
        File("/proc/stat"),
    ),
    portable=True,
)
def cpu(machine: Machine) -> Values:
    """Return the share of time busy over the last second or so; on Linux and elsewhere alike."""
    older, newer = machine.cpu.interval()
    return _usage(older.value, newer.value)


def over(machine: Machine, seconds: float) -> Values:
    """Return the same over the `seconds` that begin now."""
    older, newer = machine.cpu.interval_of(seconds)
    return _usage(older.value, newer.value)
