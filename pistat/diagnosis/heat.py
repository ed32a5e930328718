"""Findings about heat, and about the fan that should take it away."""

from __future__ import annotations

from pistat.diagnosis.finding import Finding, Measured, Moment, Severity, Stage, flag
from pistat.machine import board

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

DOCUMENTATION = "https://www.raspberrypi.com/documentation/computers/raspberry-pi.html"
THERMAL = f"{DOCUMENTATION}#frequency-management-and-thermal-control"
COOLING = "Improve the cooling: take the Pi out of a closed case, add a heat sink or a fan, and remove dust."
WARM = 70.0
"""°C below which heat is not what slows a board down, whatever its bits say."""

FAN_NEEDED = 65.0


def _throttled(moment: Moment) -> Measured:
    """Return whether the board is slowed down, and neither the supply nor another cause explains it."""
    throttled = moment.get("power", "throttled")
    if not throttled:
        return throttled  # type: ignore[no-any-return] # false or null
    celsius = moment.get("cpu_temp")
    return not moment.get("power", "under_voltage") and (celsius is None or celsius >= WARM)


def _throttled_since_boot(moment: Moment) -> Measured:
    """Return the bit of the firmware, unless a low supply explains it: the same bit stands for both."""
    throttled = moment.get("power", "throttled_since_boot")
    if not throttled:
        return throttled  # type: ignore[no-any-return] # false or null
    return not moment.get("power", "under_voltage_since_boot")


def _stuck(moment: Moment) -> Measured:
    """Return of each fan with a tachometer whether it stands still although it is driven and needed."""
    celsius = moment.get("cpu_temp")
    return {
        fan: None if celsius is None else celsius >= FAN_NEEDED and row["rpm"] == 0 and bool(row["pwm"])
        for fan, row in moment.rows("fans")
        if row["rpm"] is not None
    }


def _celsius(moment: Moment, _: str, __: float) -> dict[str, str]:
    celsius = moment.get("cpu_temp")
    return {"celsius": "an unknown temperature" if celsius is None else f"{celsius:.0f} °C"}


throttled = Finding(
    id="heat.throttled",
    reads=("power.throttled", "power.under_voltage", "cpu_temp"),
    measure=_throttled,
    stages=(flag(WARNING, hold=300.0),),
    title="Your Pi is slowed down by heat",
    text="The processor is at {celsius} and runs slower to protect itself, so everything on your Pi takes longer "
    "until it is cooler.",
    advice=COOLING,
    source=THERMAL,
    basis="Raspberry Pi documentation: bit 2 of get_throttled; slower from 80 °C",
    condition="throttled without under-voltage, at 70 °C or more",
    words=_celsius,
    alert="PiThrottled",
)

throttled_since_boot = Finding(
    id="heat.throttled_since_boot",
    reads=("power.throttled_since_boot", "power.under_voltage_since_boot"),
    measure=_throttled_since_boot,
    stages=(flag(INFO),),
    title="Heat has slowed your Pi down at least once since the last start",
    text="The processor was so hot that it had to run slower for a while.",
    advice=COOLING + " This stays listed until the next restart.",
    source=THERMAL,
    basis="Raspberry Pi documentation: bit 18 of get_throttled",
    condition="throttling since boot, without under-voltage since boot",
    implied_by="heat.throttled",
)

soft_limit = Finding(
    id="heat.soft_limit",
    reads=("power.soft_temp_limit", "cpu_temp"),
    measure=lambda moment: moment.get("power", "soft_temp_limit"),
    stages=(flag(INFO, hold=900.0, clear_hold=300.0),),
    title="This model runs a little slower above 60 °C",
    text="The processor is at {celsius}: from 60 °C on, this model lowers its speed from 1.4 to 1.2 GHz, which "
    "is by design and harms nothing.",
    advice="Better cooling gives you the full speed. Or raise the limit: put `temp_soft_limit=70` into "
    "/boot/firmware/config.txt and restart.",
    source=THERMAL,
    basis="Raspberry Pi documentation: soft limit of the 3A+ and 3B+, 60 °C",
    condition="the soft temperature limit is active",
    words=_celsius,
)

hot = Finding(
    id="heat.hot",
    reads=("cpu_temp",),
    measure=lambda moment: moment.get("cpu_temp"),
    stages=(Stage(WARNING, 75.0, 70.0, hold=600.0),),
    title="The processor is hot: {value:.0f} °C",
    text="At 80 °C your Pi slows itself down.",
    advice=COOLING,
    source=THERMAL,
    basis="5 °C below the 80 °C at which every model slows down",
    condition="above 75 °C",
    lacks=board.no_videocore,
    accepts=(40.0, 100.0),
    alert="PiHot",
)

critical = Finding(
    id="heat.critical",
    reads=("cpu_temp",),
    measure=lambda moment: moment.get("cpu_temp"),
    stages=(Stage(CRITICAL, 85.0, 80.0, hold=60.0, at_least=True),),
    title="The processor is too hot: {value:.0f} °C",
    text="Your Pi slows down as much as it can, and at this temperature its parts age quickly.",
    advice="Shut it down (`sudo poweroff`) and let it cool. Then improve the cooling before you use it again: more air, "
    "a heat sink, a working fan.",
    source=THERMAL,
    basis="Raspberry Pi documentation: the limit is 85 °C",
    condition="85 °C or more",
    lacks=board.no_videocore,
    accepts=(50.0, 110.0),
    alert="PiOverheated",
)

fan_stuck = Finding(
    id="heat.fan_stuck",
    reads=("fans.{fan}.rpm", "fans.{fan}.pwm", "cpu_temp"),
    measure=_stuck,
    stages=(flag(WARNING, hold=300.0),),
    title="The fan should turn and does not",
    text="The fan {subject} is switched on but reports 0 turns a minute while the processor is at {celsius}; without it, "
    "your Pi gets hotter and slows down.",
    advice="Check whether something blocks it, and whether it is plugged in properly. Some older kernels report "
    "0 for a fan that turns, so look before you replace it.",
    source="https://github.com/raspberrypi/linux/pull/7556",
    basis="the fan of a Pi 5 runs at 60 °C and above",
    condition="the fan is driven, reports 0 turns a minute, and the processor is at 65 °C or more",
    words=_celsius,
    alert="PiFanStopped",
)

FINDINGS = (throttled, throttled_since_boot, soft_limit, hot, critical, fan_stuck)
