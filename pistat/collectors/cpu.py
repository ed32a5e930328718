"""CPU: temperature, frequency, usage."""

from __future__ import annotations

import re

from pistat.collectors.asking import Asking
from pistat.field import Field, Reading, Unit, Values, collector
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
        "/sys/class/thermal/thermal_zone*/temp, else hwmon, else the firmware",
    ),
    deadline=2.0,
)
def cpu_temp(machine: Machine) -> Reading:
    path = machine.memo.for_a_minute("cpu_temp", lambda: _sensors(machine))
    if path is None:
        asking = Asking(machine.firmware)
        return asking.settle({"cpu_temp": asking("measure_temp", vcgencmd.temperature)})
    return {"cpu_temp": kernel.millidegrees(machine.read_cached_text(path))}


def _sensor(machine: Machine, folder: str, label: str, value: str, wanted: tuple[str, ...]) -> str | None:
    """The sensor of the CPU, by its name: the numbers differ from kernel to kernel."""
    found: dict[str, str] = {}
    for each in machine.names(folder):
        name = machine.word(f"{folder}/{each}/{label}")
        if name is not None and machine.exists(f"{folder}/{each}/{value}"):
            found.setdefault(name, f"{folder}/{each}/{value}")
    return next((found[name] for name in wanted if name in found), None)


def _sensors(machine: Machine) -> str | None:
    return _sensor(machine, "/sys/class/thermal", "type", "temp", ZONES) or _sensor(
        machine, "/sys/class/hwmon", "name", "temp1_input", CHIPS
    )


def portable_frequency(machine: Machine) -> Values:
    """Read the frequency where there is no /sys."""
    return {"cpu_freq": portable.cpu_megahertz()}


def _no_frequency(machine: Machine) -> Unavailable | None:
    """Why the kernel does not tell a frequency; the lines of /proc/cpuinfo are those of x86 only."""
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
        f"{CPUFREQ}/policy*/scaling_cur_freq, else /proc/cpuinfo",
        unless=_no_frequency,
    ),
    elsewhere=portable_frequency,
)
def cpu_freq(machine: Machine) -> Values:
    policies = machine.memo.for_a_minute("cpufreq", lambda: _policies(machine))
    texts = [machine.cached_text_or_none(f"{each}/scaling_cur_freq") for each in policies]
    hertz = [kernel.kilohertz(text) for text in texts if text is not None]
    megahertz = [each / 1e6 for each in hertz if each is not None]
    if not policies:
        megahertz = [
            float(each) for each in MEGAHERTZ.findall(machine.cached_text_or_none("/proc/cpuinfo") or "")
        ]
    return {"cpu_freq": round(sum(megahertz) / len(megahertz), 2) if megahertz else None}


def _policies(machine: Machine) -> list[str]:
    """The folders of the cores, or of groups of cores, that have a frequency of their own."""
    return [f"{CPUFREQ}/{name}" for name in machine.names(CPUFREQ) if name.startswith("policy")]


def _usage(older: cpu_times.Times, newer: cpu_times.Times) -> Values:
    together, *cores = cpu_times.usage(older, newer)
    return {"cpu_usage": together, "per_cpu_usage": list(cores)}


@collector(
    Field(
        "cpu_usage",
        Unit.PERCENT,
        "Share of time busy over the last whole second or so, all cores together.",
        "/proc/stat, sampled once a second for all clients",
    ),
    Field(
        "per_cpu_usage[core]",
        Unit.PERCENT,
        "The same for each core, in order.",
        "/proc/stat",
    ),
    portable=True,
)
def cpu(machine: Machine) -> Values:
    """The share of time busy over the last second or so; on Linux and elsewhere alike."""
    older, newer = machine.cpu.interval()
    return _usage(older.value, newer.value)


def over(machine: Machine, seconds: float) -> Values:
    """The same over the `seconds` that begin now."""
    older, newer = machine.cpu.interval_of(seconds)
    return _usage(older.value, newer.value)
