"""The state of the findings over samples: what begins, what lasts, what ends.

Pure: it is given readings and the boot clock, and reads nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pistat.diagnosis.finding import Finding, Measured, Moment, Severity, Stage, Unknown

GAP_SECONDS = 700.0
"""Without a reading for so long, nothing is known of what was between: two intervals of the slowest recorder."""

NOTHING: Mapping[str, float | bool | None] = {}


class Change(NamedTuple):
    """A finding that began, became more severe, or ended, at a time of the boot clock.

    Attributes:
        began: Whether it began or became more severe; otherwise it ended.
        severity: How severe it is now; the most severe that it was, for one that ended.
        since: When its condition began to hold.
    """

    finding: Finding
    subject: str
    began: bool
    severity: Severity
    time: float
    since: float
    value: float


@dataclass(slots=True)
class State:
    """What is known of one finding and one subject.

    Attributes:
        stage: Which stage is in force; -1 for none.
        since: When the condition of the finding began to hold.
        value: The last value.
        worst: The most severe stage that was in force since it began.
        held: Since when the value is beyond the limit of each stage.
        cleared: Since when the value is clear of the stage in force.
        seen: When the last value was taken.
    """

    held: list[float | None]
    stage: int = -1
    since: float = 0.0
    value: float = 0.0
    worst: int = -1
    cleared: float | None = None
    seen: float = -math.inf


class _Rule:
    """A finding with its limits as they are compared: turned around where low values are bad."""

    __slots__ = ("finding", "first", "inclusive", "sign", "stages", "states")

    def __init__(self, finding: Finding, stages: Sequence[Stage]) -> None:
        self.finding = finding
        self.sign = -1.0 if finding.below else 1.0
        self.stages = [
            (stage.limit * self.sign, stage.clear * self.sign, stage.hold, stage.clear_hold, stage.at_least)
            for stage in stages
        ]
        self.first, _, _, _, self.inclusive = self.stages[0]
        self.states: dict[str, State] = {}


@dataclass(slots=True)
class Evaluation:
    """The findings of one machine.

    Attributes:
        findings: Those that can be judged on this machine.
        stages: Their stages as the owner has set them, by the ID of the finding.
    """

    findings: Sequence[Finding]
    stages: Mapping[str, Sequence[Stage]] = field(default_factory=dict)
    _rules: dict[str, _Rule] = field(init=False)
    _measured: dict[str, Measured] = field(init=False, default_factory=dict)
    _plans: dict[frozenset[str], list[_Rule]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._rules = {
            finding.id: _Rule(finding, self.stages.get(finding.id, finding.stages))
            for finding in self.findings
        }

    def update(self, moment: Moment, keys: Iterable[str] | None = None) -> list[Change]:
        """Judge one moment and return what changed.

        Args:
            moment: The readings, of which those not in `keys` are older.
            keys: The keys that were read for this moment; None for all.
        """
        changes: list[Change] = []
        for rule in self._rules.values() if keys is None else self._plan(frozenset(keys)):
            measured = self._measured[rule.finding.id] = rule.finding.measure(moment)
            kind = measured.__class__
            if kind is dict:
                self._update_all(rule, measured, moment.boot, changes)  # type: ignore[arg-type] # it is one
            elif kind is Unknown or measured is None:
                if rule.states:
                    self._update_all(rule, NOTHING, moment.boot, changes, present=False)
            else:
                value = measured * rule.sign  # type: ignore[operator] # a number
                # As nearly always: all is well, and was.
                if rule.states or value > rule.first or (rule.inclusive and value == rule.first):
                    self._update_one(rule, "", value, moment.boot, changes)
        return changes

    def _plan(self, keys: frozenset[str]) -> list[_Rule]:
        """Return the rules that look at one of these keys, and those that look at none."""
        plan = self._plans.get(keys)
        if plan is None:
            plan = self._plans[keys] = [
                rule for rule in self._rules.values() if not rule.finding.keys or rule.finding.keys & keys
            ]
        return plan

    def _update_all(
        self,
        rule: _Rule,
        measured: Mapping[str, float | bool | None],
        now: float,
        changes: list[Change],
        *,
        present: bool = True,
    ) -> None:
        """Judge every subject. One that is gone ends like one that is well; one without a value may not be."""
        for subject, value in measured.items():
            if value is not None:
                signed = value * rule.sign
                if subject in rule.states or signed > rule.first or (rule.inclusive and signed == rule.first):
                    self._update_one(rule, subject, signed, now, changes)
        for subject in [name for name in rule.states if measured.get(name) is None]:
            state = rule.states[subject]
            if present and subject not in measured:
                self._update_one(rule, subject, -math.inf, now, changes)
            elif now - state.seen > GAP_SECONDS:
                self._end(rule, subject, state, now, changes)

    def _update_one(self, rule: _Rule, subject: str, value: float, now: float, changes: list[Change]) -> None:
        """Judge the value of one subject, and add what changed to `changes`."""
        state = rule.states.get(subject)
        if state is None:
            state = rule.states[subject] = State([None] * len(rule.stages))
        if now - state.seen > GAP_SECONDS:
            # Nobody knows what was meanwhile.
            state.held = [None] * len(rule.stages)
            state.cleared = None
        state.seen = now
        if value != -math.inf:
            state.value = value * rule.sign
        reached = _reached(rule, state, value, now)
        if reached > state.stage:
            self._rise(rule, subject, state, reached, changes)
        elif state.stage >= 0:
            self._fall(rule, subject, state, value, changes)
        elif not any(since is not None for since in state.held):
            del rule.states[subject]

    def _rise(self, rule: _Rule, subject: str, state: State, stage: int, changes: list[Change]) -> None:
        """Put a more severe stage in force."""
        if state.stage < 0:
            state.since = min(since for since in state.held if since is not None)
        state.worst = max(state.worst, stage)
        state.stage, state.cleared = stage, None
        changes.append(_change(rule, subject, state, stage, began=True))

    def _fall(self, rule: _Rule, subject: str, state: State, value: float, changes: list[Change]) -> None:
        """End the stage in force once the value has been clear of it for long enough."""
        _, clear, _, clear_hold, _ = rule.stages[state.stage]
        if value > clear:
            state.cleared = None
            return
        now = state.seen
        if state.cleared is None:
            state.cleared = now
        if now - state.cleared < clear_hold:
            return
        # Down to the next stage that is not over yet.
        state.stage = next(
            (lower for lower in range(state.stage - 1, -1, -1) if value > rule.stages[lower][1]), -1
        )
        state.cleared = None
        if state.stage < 0:
            self._end(rule, subject, state, now, changes)

    def _end(self, rule: _Rule, subject: str, state: State, now: float, changes: list[Change]) -> None:
        """Drop a subject, and report the end of its finding if that was in force."""
        del rule.states[subject]
        if state.worst >= 0:
            state.seen = now
            changes.append(_change(rule, subject, state, state.worst, began=False))

    # What is known

    def active(self) -> list[Change]:
        """Return the findings that last, each as it stands; the most severe first."""
        found = [
            _change(rule, subject, state, state.stage, began=True)
            for rule in self._rules.values()
            for subject, state in rule.states.items()
            if state.stage >= 0
        ]
        return sorted(found, key=lambda change: -change.severity)

    def restore(self, finding: str, subject: str, severity: Severity, since: float) -> None:
        """Go on with a finding that lasted when the daemon was stopped."""
        rule = self._rules.get(finding)
        stage = (
            next(
                (
                    number
                    for number, declared in enumerate(rule.finding.stages)
                    if declared.severity is severity
                ),
                None,
            )
            if rule
            else None
        )
        if rule is None or stage is None:
            return
        held: list[float | None] = [since] * (stage + 1) + [None] * (len(rule.stages) - stage - 1)
        rule.states[subject] = State(held, stage, since, worst=stage)

    def judged(self) -> dict[str, str | None]:
        """Return of each finding None if it was judged, otherwise why not: empty for a reading that is null.

        A finding without subjects, as that of a fan on a board without one, is left out.
        """
        known: dict[str, str | None] = {}
        for finding, measured in self._measured.items():
            if isinstance(measured, Unknown):
                known[finding] = str(measured)
            elif measured is None:
                known[finding] = ""
            elif not isinstance(measured, dict):
                known[finding] = None
            elif measured:
                known[finding] = "" if all(value is None for value in measured.values()) else None
        return known

    def pending(self, finding: str) -> bool:
        """Return whether a value is beyond a limit, but not for long enough yet."""
        rule = self._rules.get(finding)
        return rule is not None and any(state.stage < 0 for state in rule.states.values())


def _change(rule: _Rule, subject: str, state: State, stage: int, *, began: bool) -> Change:
    severity = rule.finding.stages[stage].severity
    return Change(rule.finding, subject, began, severity, state.seen, state.since, state.value)


def _reached(rule: _Rule, state: State, value: float, now: float) -> int:
    """Return the highest stage whose limit the value has been beyond for long enough; -1 for none."""
    reached = -1
    for number, (limit, _, hold, _, inclusive) in enumerate(rule.stages):
        if value > limit or (inclusive and value == limit):
            since = state.held[number]
            if since is None:
                since = state.held[number] = now
            if now - since >= hold:
                reached = number
        else:
            state.held[number] = None
    return reached
