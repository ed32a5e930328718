"""What the sensors of the board say: more than `/stats` shows, for each costs a file or a question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pistat.collectors import sources
from pistat.collectors.firmware_queries import FirmwareQueries
from pistat.field import Field, File, Question, Reading, Unit, Values, collector, first_of
from pistat.machine import board, hwmon
from pistat.machine.hwmon import HWMON
from pistat.machine.machine import Machine
from pistat.parsers import kernel, revision, vcgencmd
from pistat.parsers.values import Json
from pistat.parsers.vcgencmd import Rails

ZONES = "/sys/class/thermal"
TRIP = f"{ZONES}/thermal_zone*/trip_point"
ADC = Question("pmic_read_adc")
SUPPLIES = ("core", "sdram_c", "sdram_i", "sdram_p")


class Thermometer(NamedTuple):
    """A thermometer: its name, and the files of its value, its limits and its fault; None without one."""

    name: str
    value: str | None
    high: str | None = None
    critical: str | None = None
    fault: str | None = None


class Fan(NamedTuple):
    """A fan: its name, and the files of its speed, its drive and its fault; None without one."""

    name: str
    speed: str | None
    drive: str | None
    fault: str | None


# Heat


@collector(
    Field(
        "temperatures.{sensor}.temperature",
        Unit.CELSIUS,
        "Temperature by each sensor, which has the name of its chip: `rp1_adc` is the I/O chip of a Pi 5, "
        "`pmic` the power chip.",
        first_of(
            File(f"{HWMON}/hwmon*/temp*_input"),
            File(f"{ZONES}/thermal_zone*/temp"),
            Question("measure_temp pmic"),
        ),
        metric="pistat_temperature",
    ),
    Field(
        "temperatures.{sensor}.high",
        Unit.CELSIUS,
        "Temperature that its driver calls high.",
        File(f"{HWMON}/hwmon*/temp*_max"),
        metric="pistat_temperature_high",
    ),
    Field(
        "temperatures.{sensor}.critical",
        Unit.CELSIUS,
        "Temperature that its driver calls critical.",
        File(f"{HWMON}/hwmon*/temp*_crit"),
        metric="pistat_temperature_critical",
    ),
    deadline=2.0,
    finds=(sources.CHIPS, sources.TEMPERATURE_LABELS, sources.TEMPERATURE_FAULTS, sources.ZONES, sources.SOC),
)
def temperatures(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    rows: dict[str, Json] = {
        sensor.name: {
            "temperature": hwmon.celsius(machine, sensor.value, sensor.fault),
            "high": kernel.millidegrees(machine.cached_sensor(sensor.high)),
            "critical": kernel.millidegrees(machine.cached_sensor(sensor.critical)),
        }
        for sensor in machine.memo.for_a_minute("temperatures", lambda: tuple(_thermometers(machine)))
    }
    if not board.no_power_chip(machine):
        celsius = queries.ask("measure_temp pmic", vcgencmd.temperature)
        rows["pmic"] = {"temperature": celsius, "high": None, "critical": None}
    return queries.finish({"temperatures": rows})


def _thermometers(machine: Machine) -> Iterator[Thermometer]:
    """Yield those of the chips, and the thermal zones that no chip stands for."""
    names = hwmon.Names()
    for chip in hwmon.chips(machine):
        for number in chip.numbers("temp"):
            stem = f"temp{number}"
            files = (chip.path(f"{stem}_{end}") for end in ("input", "max", "crit", "fault"))
            yield Thermometer(names.unique(chip.sensor_name(machine, "temp", number)), *files)
    chips = {chip.name for chip in hwmon.chips(machine)}
    for zone in _zones(machine):
        kind = kernel.label(machine.sensor(f"{zone}/type"))
        # The chip of a zone has its name, but newer kernels turn the dashes of it into underscores.
        if kind and chips.isdisjoint({kind, kind.replace("-", "_")}):
            yield Thermometer(names.unique(kind), f"{zone}/temp")


def _zones(machine: Machine) -> list[str]:
    return [f"{ZONES}/{name}" for name in machine.listing(ZONES) if name.startswith("thermal_zone")]


@collector(
    Field(
        "fans.{fan}.rpm",
        Unit.RPM,
        "Turns a minute; null without a tachometer. 0 while `pwm` is not 0: the fan is stuck, or its "
        "tachometer is not connected.",
        File(f"{HWMON}/hwmon*/fan*_input"),
        metric="pistat_fan",
    ),
    Field(
        "fans.{fan}.pwm",
        Unit.NUMBER,
        "How hard the fan is driven, from 0 to 255.",
        File(f"{HWMON}/hwmon*/pwm*"),
        metric="pistat_fan_pwm",
    ),
    finds=(sources.CHIPS, File(f"{HWMON}/hwmon*/fan*_label"), File(f"{HWMON}/hwmon*/fan*_fault")),
)
def fans(machine: Machine) -> Values:
    rows: dict[str, Json] = {
        fan.name: {
            "rpm": None
            if hwmon.is_faulty(machine, fan.fault)
            else kernel.whole(machine.cached_sensor(fan.speed)),
            "pwm": kernel.whole(machine.cached_sensor(fan.drive), 255),
        }
        for fan in machine.memo.for_a_minute("fans", lambda: tuple(_fans(machine)))
    }
    return {"fans": rows}


def _fans(machine: Machine) -> Iterator[Fan]:
    """Yield each fan; it has a speed or a drive, or both."""
    names = hwmon.Names()
    for chip in hwmon.chips(machine):
        for number in sorted({*chip.numbers("fan"), *chip.numbers("pwm")}):
            name = names.unique(chip.sensor_name(machine, "fan", number))
            yield Fan(name, *map(chip.path, (f"fan{number}_input", f"pwm{number}", f"fan{number}_fault")))


@collector(
    Field("trip_points[row].zone", Unit.TEXT, "Thermal zone.", File(f"{ZONES}/thermal_zone*/type")),
    Field(
        "trip_points[row].type",
        Unit.TEXT,
        "What happens there: `active` turns a fan up, `passive` slows down, `critical` shuts down.",
        File(f"{TRIP}_*_type"),
    ),
    Field(
        "trip_points[row].temperature",
        Unit.CELSIUS,
        "Where it begins.",
        File(f"{TRIP}_*_temp"),
    ),
    Field(
        "trip_points[row].hysteresis",
        Unit.CELSIUS,
        "How many degrees below that it ends.",
        File(f"{TRIP}_*_hyst"),
    ),
)
def trip_points(machine: Machine) -> Values:
    rows: list[Json] = [
        {
            "zone": zone,
            "type": kind,
            "temperature": kernel.millidegrees(machine.cached_sensor(f"{stem}_temp")),
            "hysteresis": kernel.millidegrees(machine.cached_sensor(f"{stem}_hyst")),
        }
        for zone, kind, stem in machine.memo.for_a_minute("trip points", lambda: tuple(_trip_points(machine)))
    ]
    return {"trip_points": rows}


def _trip_points(machine: Machine) -> Iterator[tuple[str | None, str | None, str]]:
    """Yield for each trip point the type of its zone, its own, and how its files begin."""
    for zone in _zones(machine):
        zone_type = kernel.label(machine.sensor(f"{zone}/type"))
        stems = [name.removesuffix("_temp") for name in machine.listing(zone) if name.endswith("_temp")]
        numbers = [stem.removeprefix("trip_point_") for stem in stems]
        for number in sorted(int(digits) for digits in numbers if digits.isdecimal()):
            stem = f"{zone}/trip_point_{number}"
            yield zone_type, kernel.label(machine.sensor(f"{stem}_type")), stem


# Electricity


@collector(
    *(
        Field(
            f"voltages.{name}",
            Unit.VOLTS,
            f"Voltage requested for {what}.",
            first_of(File(f"{HWMON}/hwmon*/in*_input"), Question(f"measure_volts {name}")),
        )
        for name, what in zip(
            SUPPLIES,
            ("the core", "the core of the memory", "the I/O of the memory", "the PHY of the memory"),
            strict=True,
        )
    ),
    deadline=2.0,
    finds=(sources.CHIPS, File(f"{HWMON}/hwmon*/in*_label")),
)
def voltages(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    files = machine.memo.for_a_minute("voltages", lambda: _labelled(machine))
    return queries.finish(
        {
            "voltages": {
                name: kernel.millivolts(machine.cached_sensor(files[name]))
                if name in files
                else queries.ask(f"measure_volts {name}", vcgencmd.volts)
                for name in SUPPLIES
            }
        }
    )


def _labelled(machine: Machine) -> dict[str, str]:
    """Return the files of the voltages that the kernel gives since 2026, by their labels."""
    chip = hwmon.chip(machine, hwmon.SUPPLY)
    if chip is None:
        return {}
    stems = [f"{chip.folder}/in{number}" for number in chip.numbers("in")]
    return {machine.sensor(f"{stem}_label").strip(): f"{stem}_input" for stem in stems}


@collector(
    Field(
        "pmic.watts",
        Unit.WATTS,
        "Board rails, estimated: the sum of those with a current. Without what uses 5 V (USB, fan, HATs) "
        "and the losses.",
        ADC,
        unless=board.no_rails,
    ),
    Field(
        "pmic.input_voltage",
        Unit.VOLTS,
        "Voltage of the 5 V that come in; 4.9 under load is usual.",
        ADC,
        unless=board.no_rails,
    ),
    Field(
        "pmic.battery_voltage",
        Unit.VOLTS,
        "Voltage of the battery of the clock; close to 0 without one.",
        ADC,
        unless=board.no_rails,
    ),
    Field("pmic.rails.{rail}.volts", Unit.VOLTS, "Voltage.", ADC, unless=board.no_rails),
    Field("pmic.rails.{rail}.amperes", Unit.AMPERES, "Current.", ADC, unless=board.no_rails),
    Field("pmic.rails.{rail}.watts", Unit.WATTS, "Power: volts times amperes.", ADC, unless=board.no_rails),
    deadline=2.0,
    finds=(sources.SOC,),
)
def pmic(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    found = None if board.no_rails(machine) else queries.ask("pmic_read_adc", vcgencmd.pmic)
    if found and not found.whole:
        queries.add_not_understood("pmic_read_adc")
    return queries.finish({"pmic": _rails(found or Rails({}, {}))})


def _rails(found: Rails) -> Values:
    volts, amperes, watts = found.volts, found.amperes, found.watts
    rows: dict[str, Json] = {
        name: {
            "volts": volts.get(name),
            "amperes": amperes.get(name),
            "watts": round(watts[name], 6) if name in watts else None,
        }
        for name in dict.fromkeys((*amperes, *volts))
    }
    return {
        "watts": found.total,
        "input_voltage": volts.get("EXT5V"),
        "battery_voltage": volts.get("BATT"),
        "rails": rows,
    }


# Clocks


@collector(
    *(
        Field(
            f"block_clocks.{name}",
            Unit.HERTZ,
            f"Clock of {what}; 0 while off.",
            Question(f"measure_clock {name}"),
            unless=board.no_block(name),
        )
        for name, what in revision.CLOCKS.items()
    ),
    Field(
        "block_clocks.ring_oscillator",
        Unit.HERTZ,
        "Clock of an oscillator that shows how fast this very chip is.",
        Question("read_ring_osc"),
    ),
    deadline=2.0,
    finds=(sources.MODEL, sources.SOC),
)
def block_clocks(machine: Machine) -> Reading:
    queries = FirmwareQueries(machine.firmware)
    values: Values = {
        name: None if board.no_block(name)(machine) else queries.ask(f"measure_clock {name}", vcgencmd.clock)
        for name in revision.CLOCKS
    }
    oscillator = queries.ask("read_ring_osc", vcgencmd.ring_oscillator)
    values["ring_oscillator"] = round(oscillator[0] * 1e6) if oscillator else None
    return queries.finish({"block_clocks": values})
