"""Findings about the wall clock."""

from __future__ import annotations

from pistat.diagnosis.finding import DAY, Finding, Measured, Moment, Severity, ago, graded, recent

INFO = Severity.INFO
PATIENCE_SECONDS = 1020.0
"""How long after a start the clock may be unset."""

STEP_SECONDS = 60.0
SETTLED_SECONDS = 1200.0
"""After a boot a Pi without a clock of its own finds the time; until then a step is what everybody wants."""


def _since_step(moment: Moment) -> Measured:
    """Return the seconds since the wall clock was last moved by more than a minute."""
    assert moment.past is not None
    offset = moment.wall - moment.boot
    known = moment.past.offset
    moment.past.offset = offset
    if known is not None and abs(offset - known) > STEP_SECONDS and moment.boot > SETTLED_SECONDS:
        moment.past.step = (moment.boot, offset - known)
    return moment.boot - moment.past.step[0] if moment.past.step else float("inf")


def _jump(moment: Moment, _: str, since: float) -> dict[str, str]:
    step = moment.past.step if moment.past else None
    size = step[1] if step else 0.0
    # Both clocks are read one after the other, so a jump of three hours may look a moment shorter.
    return {"jump": f"{ago(abs(size) + 1.0)} {'ahead' if size > 0 else 'back'}", "ago": ago(since)}


def _unsynchronised(moment: Moment) -> Measured:
    """Return 1 if nothing has set the clock long after the start, 2 with a default route to a time server."""
    known = moment.get("system", "clock_synchronized")
    if known is None:
        return None
    if known or moment.boot < PATIENCE_SECONDS:
        return 0
    return 2 if any(row.get("default_route") for _, row in moment.rows("interfaces")) else 1


unsynchronised = Finding(
    id="time.unsynchronised",
    reads=("system.clock_synchronized", "interfaces.{interface}.default_route"),
    measure=_unsynchronised,
    stages=graded(INFO, Severity.WARNING),
    title="The clock has not been set from the network",
    text="Your Pi may have the wrong time; if so, secure websites and updates fail, and the times in logs are wrong.",
    advice="Check that your Pi can reach the Internet; then `timedatectl` should say `System clock synchronized: yes`. "
    "Without Internet, a clock with a battery keeps the time: a Pi 5 has one and needs only the battery, other models "
    "need a clock module (RTC).",
    source="https://github.com/netdata/netdata/blob/master/src/health/health.d/timex.conf",
    basis="netdata: 17 minutes after a start",
    condition="17 minutes after the start the clock was not set from the network; warning with a default route",
)

stepped = Finding(
    id="time.stepped",
    reads=("timestamp", "uptime"),
    measure=_since_step,
    stages=(recent(INFO, DAY),),
    below=True,
    title="The clock jumped {jump}",
    text="That was {ago} ago; times in logs and in the history from before the jump may be wrong.",
    advice="If you did not set the clock yourself, see what did: `timedatectl timesync-status`. A clock with a "
    "battery keeps the time: a Pi 5 has one and needs only the battery, other models need a clock module (RTC).",
    source="https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#real-time-clock-rtc",
    basis="the alert of this project: more than 60 s, and not in the first 20 minutes after a start",
    condition="the wall clock was moved by more than 60 s within the last 24 hours",
    words=_jump,
    alert="PiClockJumped",
    now=False,
)

FINDINGS = (unsynchronised, stepped)
