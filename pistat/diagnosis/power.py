"""Findings about the supply: its voltage, its current, and what the board has noted of it."""

from __future__ import annotations

import math

from pistat.diagnosis.finding import Finding, Measured, Moment, Severity, Stage, flag, name, recent, within
from pistat.machine import board

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

DOCUMENTATION = "https://www.raspberrypi.com/documentation/computers/raspberry-pi.html"
WARNINGS = f"{DOCUMENTATION}#power-supply-warnings"
SUPPLY = (
    "Use the official power supply for your model with the cable that came with it, and plug USB disks into a powered "
    "USB hub."
)

TROUBLE = ("under-voltage", "over-voltage", "over-temperature")
"""The resets of the power chip that nobody has asked for."""


def _weak_supply(moment: Moment) -> Measured:
    """Return 1 for a supply that is not known to give 5 A, 2 if a USB device has already asked for more."""
    current, limit = moment.get("power", "supply_current"), moment.get("power", "usb_current_limit")
    if current is None or limit is None:
        return None
    if current >= 5.0 or limit > 0.6:
        return 0
    return 2 if moment.get("power", "usb_over_current") else 1


def _reset(moment: Moment) -> Measured:
    """Return whether the power chip has cut the supply before this start, other than when told to."""
    # Null is no reset as well as no note; a bootloader that writes notes writes that of the supply, too.
    cause = moment.get("power", "power_chip_reset")
    if cause is None:
        return None if moment.get("power", "supply_current") is None else False
    return any(word in cause for word in TROUBLE)


def _since_over_current(moment: Moment) -> Measured:
    """Return of each USB port the seconds since it was cut off; of any, if that was during the start."""
    assert moment.past is not None
    ports: dict[str, float | bool | None] = {
        port: moment.past.since_rise(f"over-current {port}", row["over_current"], moment.boot)
        for port, row in moment.rows("usb_ports")
        if row["over_current"] is not None
    }
    at_start = moment.get("power", "usb_over_current")
    if at_start is not None:
        ports[""] = moment.boot if at_start else math.inf
    return ports or None


under_voltage = Finding(
    id="power.under_voltage",
    reads=("power.under_voltage",),
    measure=lambda moment: moment.get("power", "under_voltage"),
    stages=(flag(WARNING), flag(CRITICAL, hold=300.0)),
    title="The power supply is too weak right now",
    text="Your Pi gets less than about 4.63 V instead of 5 V, so it slows itself down, and files on the SD card or "
    "a disk can be damaged.",
    advice=SUPPLY,
    source=WARNINGS,
    basis="Raspberry Pi documentation: the warning line is 4.63 V (±5 %)",
    condition="the firmware or the kernel reports under-voltage; critical after 5 minutes",
    lacks=board.no_under_voltage,
    alert="PiUnderVoltage",
)

under_voltage_since_boot = Finding(
    id="power.under_voltage_since_boot",
    reads=("power.under_voltage_since_boot",),
    measure=lambda moment: moment.get("power", "under_voltage_since_boot"),
    stages=(flag(WARNING),),
    title="The power supply was too weak at least once since the last start",
    text="The voltage fell below about 4.63 V: each time that happens, your Pi slows itself down, and files on the "
    "SD card or a disk can be damaged.",
    advice=SUPPLY + " This stays listed until the next restart.",
    source=WARNINGS,
    basis="Raspberry Pi documentation: bit 16 of get_throttled",
    condition="the firmware has seen under-voltage since boot",
    lacks=board.no_under_voltage,
    alert="PiUnderVoltageSinceBoot",
    implied_by="power.under_voltage",
)

input_voltage = Finding(
    id="power.input_voltage",
    reads=("pmic.input_voltage",),
    measure=lambda moment: moment.get("pmic", "input_voltage"),
    stages=(
        Stage(INFO, 4.80, 4.85, hold=60.0),
        Stage(WARNING, 4.70, 4.80, hold=60.0),
    ),
    below=True,
    title="Only {value:.2f} V of 5 V reach the board",
    text="Too much voltage is lost in the power supply or its cable: about 4.9 V is normal, and below about 4.63 V your "
    "Pi slows itself down.",
    advice="Try another cable, short and thick, or another power supply.",
    source="https://github.com/PierreGode/Ragnar/pull/315",
    basis="measured by one project: a good supply reads 4.90 V; never critical for that reason",
    condition="the input voltage of a Pi 5 is below 4.80 V (warning: 4.70 V)",
    not_for=board.no_rails,
    accepts=(4.5, 5.0),
)

supply_current = Finding(
    id="power.supply_current",
    reads=("power.supply_current", "power.usb_current_limit", "power.usb_over_current"),
    measure=_weak_supply,
    stages=(Stage(INFO, 0.5, 0.5), Stage(WARNING, 1.5, 1.5)),
    title="USB devices get only 0.6 A",
    text="The power supply offers {amperes} A, and this model needs 5 A for full USB power, so all USB ports together "
    "get 0.6 A instead of 1.6 A: a USB disk may need more than that.",
    advice="Use the 27 W power supply for the Pi 5. If yours gives 5 A but does not report it, put "
    "`usb_max_current_enable=1` into /boot/firmware/config.txt and restart.",
    source=f"{DOCUMENTATION}#powering-raspberry-pi-5",
    basis="Raspberry Pi documentation: 0.6 A, or 1.6 A with 5 A",
    condition="the supply of a Pi 5 offers less than 5 A and USB is limited to 0.6 A; warning if a USB port has "
    "already taken too much",
    words=lambda moment, _, __: {"amperes": f"{moment.get('power', 'supply_current'):g}"},
    not_for=board.no_rails,
)

usb_over_current = Finding(
    id="power.usb_over_current",
    reads=("usb_ports.{port}.over_current", "power.usb_over_current"),
    measure=_since_over_current,
    stages=(recent(WARNING),),
    below=True,
    title="A USB device took too much current",
    text="Within {within}, {port} was switched off for a moment to protect your Pi, and a disk that loses its power like "
    "that can lose files.",
    advice="Plug the device on that port into a powered USB hub. If it happens again, the device may be faulty.",
    source="https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-bus-usb",
    basis="the kernel's count of cut-offs; after a day it no longer counts",
    condition="a USB port was cut off for taking too much within the last 24 hours",
    words=lambda _, port, since: {
        "port": f"the USB port {name(port)}" if port else "a USB port",
        "within": within(since),
    },
    now=False,
)

reset_cause = Finding(
    id="power.reset_cause",
    reads=("power.power_chip_reset", "power.supply_current"),
    measure=_reset,
    stages=(flag(WARNING),),
    title="The power chip switched the board off before this start",
    text="The power chip of your Pi gave this reason for the last restart: {reason}; files that were being written at "
    "that moment may be damaged.",
    advice=SUPPLY + " If the reason is over-temperature, improve the cooling.",
    source="https://github.com/raspberrypi/utils/pull/207",
    basis="the bootloader's own note in the device tree",
    condition="the power chip names a cause for the last reset",
    words=lambda moment, _, __: {"reason": str(moment.get("power", "power_chip_reset"))},
    not_for=board.no_rails,
)

FINDINGS = (
    under_voltage,
    under_voltage_since_boot,
    input_voltage,
    supply_current,
    usb_over_current,
    reset_cause,
)
