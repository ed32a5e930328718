"""CPU: temperature, frequency, usage."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pistat.collectors import sources
from pistat.collectors.firmware_queries import FirmwareQueries
from pistat.field import (
    Field,
    File,
    Question,
    Reading,
    Unit,
    Values,
    attempted,
    collector,
    first_of,
    incomplete,
)
from pistat.machine import cpu_times, hwmon, portable
from pistat.machine.hwmon import HWMON, Sensor
from pistat.machine.machine import Machine
from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import kernel, vcgencmd

ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp")
ZONE_OF_CPU = re.compile(r"(?:cpu|big|little|cluster|package)[\w-]*(?:therm|usr)\w*", re.IGNORECASE)
"""What the zones of the CPU are called on other boards, such as `cpu0-thermal`, `package-thermal`."""

CHIPS = ("cpu_thermal", "cpu-thermal", "coretemp", "k10temp", "zenpower")
"""hwmon names of CPU sensors; `rp1_adc` of a Pi 5 is another chip and must not be taken for one."""

WHOLE = re.compile(r"Package id \d+|Tdie")
"""Labels of the sensors that stand for a processor; AMD's Tdie is Tctl without its offset."""

THERMAL = "/sys/class/thermal"
CPUFREQ = "/sys/devices/system/cpu/cpufreq"

MEGAHERTZ = re.compile(r"\ncpu MHz[ \t]*:[ \t]*([0-9]{1,6}(?:\.[0-9]+)?)\n")
"""The lines of /proc/cpuinfo that x86 kernels have and Arm kernels have not."""


@collector(
    Field(
        "cpu_temp",
        Unit.CELSIUS,
        "Temperature of the SoC, or of a PC's processor.",
        first_of(
            File(f"{THERMAL}/thermal_zone*/temp"),
            File(f"{HWMON}/hwmon*/temp*_input"),
            Question("measure_temp"),
        ),
    ),
    deadline=2.0,
    finds=(sources.ZONES, sources.CHIPS, sources.TEMPERATURE_LABELS, sources.TEMPERATURE_FAULTS),
)
def cpu_temp(machine: Machine) -> Reading:
    sensors = machine.memo.for_a_minute("cpu_temp", lambda: _zones(machine) or _chips(machine))
    if not sensors:
        queries = FirmwareQueries(machine.firmware)
        return queries.finish({"cpu_temp": queries.ask("measure_temp", vcgencmd.temperature)})
    texts = _readable(
        machine, [sensor.value for sensor in sensors if not hwmon.is_faulty(machine, sensor.fault)]
    )
    degrees = [celsius for celsius in map(kernel.millidegrees, texts) if celsius is not None]
    return {"cpu_temp": max(degrees, default=None)}


def _zones(machine: Machine) -> list[Sensor]:
    """Return the thermal zone of the CPU, or those of its parts; the numbers differ from kernel to kernel."""
    kinds = {
        f"{THERMAL}/{name}/temp": machine.word(f"{THERMAL}/{name}/type") or ""
        for name in machine.listing(THERMAL)
        if name.startswith("thermal_zone")
    }
    for known in ZONES:
        found = [path for path, kind in kinds.items() if kind == known and machine.exists(path)]
        if found:
            return [Sensor(path) for path in found[:1]]
    return [
        Sensor(path) for path, kind in kinds.items() if ZONE_OF_CPU.fullmatch(kind) and machine.exists(path)
    ]


def _chips(machine: Machine) -> list[Sensor]:
    """Return the sensors of the processors as a whole, or those of all cores where no sensor is for all."""
    chips = hwmon.chips(machine)
    name = next((known for known in CHIPS if any(chip.name == known for chip in chips)), "")
    sensors = [sensor for chip in chips if chip.name == name for sensor in chip.sensors(machine, "temp")]
    whole = [sensor for sensor in sensors if WHOLE.fullmatch(sensor.label)]
    # The others of AMD are parts of the first, to which they add no offset.
    return whole or (sensors if name == "coretemp" else sensors[:1])


def _readable(machine: Machine, paths: Iterable[str]) -> list[str]:
    """Return the texts of those of the files that can be read: a core that is offline answers with an error.

    Raises:
        OSError: There is something, but none of it can be read.
    """
    texts, refusal = [], None
    for path in paths:
        try:
            text = machine.cached_text_or_none(path)
        except OSError as error:
            refusal = error
        else:
            texts += [text] if text is not None else []
    if refusal and not texts:
        raise refusal
    return texts


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
    Field(
        "cpu_governor",
        Unit.TEXT,
        "How the kernel chooses the frequency, such as `ondemand`, `performance` or `powersave`.",
        File(f"{CPUFREQ}/policy*/scaling_governor"),
        unless=_no_frequency,
        metric="pistat_cpu_governor",
    ),
    elsewhere=portable_frequency,
)
def cpu_freq(machine: Machine) -> Reading:
    policies = machine.memo.for_a_minute("cpufreq", lambda: _policies(machine))
    paths = [f"{policy}/scaling_cur_freq" for policy in policies]
    texts, failures = attempted(lambda: _readable(machine, paths), list[str]())
    megahertz = [hertz / 1e6 for hertz in map(kernel.kilohertz, texts) if hertz is not None]
    if not policies:
        cpuinfo = machine.cached_text_or_none(sources.CPUINFO) or ""
        megahertz = [float(number) for number in MEGAHERTZ.findall(cpuinfo)]
    values: Values = {
        "cpu_freq": round(sum(megahertz) / len(megahertz), 2) if megahertz else None,
        "cpu_governor": machine.memo.for_a_minute("governor", lambda: _governor(machine, policies)),
    }
    return incomplete(values, failures)


def _governor(machine: Machine, policies: list[str]) -> str | None:
    """Return the governor of the first group of cores: they have the same unless somebody takes pains."""
    return kernel.label(machine.cached_sensor(f"{policies[0]}/scaling_governor")) if policies else None


def _policies(machine: Machine) -> list[str]:
    """Return the folders of the cores, or of groups of cores, that have a frequency of their own."""
    return [f"{CPUFREQ}/{name}" for name in machine.names(CPUFREQ) if name.startswith("policy")]


def _usage(older: cpu_times.Snapshot, newer: cpu_times.Snapshot) -> Values:
    together, *cores = cpu_times.usage(older.times, newer.times)
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
