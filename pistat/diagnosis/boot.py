"""Findings about how this machine was started."""

from __future__ import annotations

from pistat.diagnosis.finding import DAY, HOUR, Finding, Measured, Moment, Severity, Stage, Unknown, graded

INFO, WARNING = Severity.INFO, Severity.WARNING

NOT_RECORDED = Unknown(
    "pi-stat keeps no notes across restarts here: it has no state directory, or the history is off."
)
FIRST = Unknown("This is the first start that pi-stat has seen.")
OFTEN = 3


def _unclean(moment: Moment) -> Measured:
    """Return 1 if no shutdown went before this start, 2 if that is a habit or the supply is weak."""
    boots = moment.boots
    if boots is None:
        return NOT_RECORDED
    if boots.unclean is None:
        return FIRST
    if not boots.unclean:
        return 0
    weak = moment.get("power", "under_voltage_since_boot")
    return 2 if weak or boots.unclean_in_week >= OFTEN else 1


def _in_an_hour(moment: Moment) -> Measured:
    """Return the most starts within one hour of the last 24."""
    boots = moment.boots
    if boots is None:
        return NOT_RECORDED
    times = [time for time in boots.times if time > moment.wall - DAY]
    return max((sum(1 for time in times if first <= time < first + HOUR) for first in times), default=0)


def _count(moment: Moment, _: str, __: float) -> dict[str, str]:
    boots = moment.boots
    number = boots.unclean_in_week if boots else 0
    return {"often": f"; that has happened {number} times within a week" if number > 1 else ""}


unclean = Finding(
    id="boot.unclean",
    reads=("uptime",),
    measure=_unclean,
    stages=graded(INFO, WARNING),
    title="Your Pi was switched off without being shut down",
    text="Before its last start it lost its power or crashed, so files that were being written at that moment may be "
    "damaged{often}.",
    advice="If you pulled the plug: next time run `sudo poweroff` first, and wait until the green light stops. "
    "If you did not, check the power supply and its cable.",
    source="https://github.com/home-assistant/supervisor/issues/6833",
    basis="pi-stat leaves a note when it is stopped, and did not find one",
    condition="pi-stat was not stopped before the machine was started again; warning with under-voltage since "
    "boot, or the third time within a week",
    words=_count,
    now=False,
)

loop = Finding(
    id="boot.loop",
    reads=("uptime",),
    measure=_in_an_hour,
    stages=(Stage(WARNING, 3.0, 2.0, at_least=True),),
    title="Your Pi was started {value:.0f} times within an hour",
    text="If that was not you, the most common cause is a weak power supply; a program, or a watchdog that "
    "finds the Pi hanging, can also restart it.",
    advice="Check the power supply and its cable. If your Pi keeps its log, `journalctl -b -1 -e` shows the last "
    "messages before the restart.",
    source="https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#power-supply-warnings",
    basis="the alert of this project",
    condition="3 or more starts within an hour, during the last 24 hours",
    accepts=(2.0, 50.0),
    alert="PiRebootLoop",
    now=False,
)

FINDINGS = (unclean, loop)
