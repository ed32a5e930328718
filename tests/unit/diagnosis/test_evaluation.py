"""The state of findings over time."""

from __future__ import annotations

from typing import Any

import pytest

from pistat.diagnosis.evaluation import GAP_SECONDS, Evaluation
from pistat.diagnosis.finding import Finding, Moment, Severity, Stage

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def finding(*stages: Stage, below: bool = False) -> Finding:
    return Finding(
        id="test.value",
        reads=("value",),
        measure=lambda moment: moment.get("value"),
        stages=stages,
        title="",
        text="",
        advice="",
        source="",
        basis="",
        condition="",
        below=below,
    )


def play(evaluation: Evaluation, *values: Any, step: float = 10.0, start: float = 0.0) -> list[str]:
    """Give values one after the other, and return what changed: the state, the severity and when."""
    told = []
    for number, value in enumerate(values):
        now = start + number * step
        for change in evaluation.update(Moment(now, 1e9 + now, {"value": value})):
            state = "begin" if change.began else "end"
            told.append(f"{now:g} {state} {change.severity.label} {change.subject}".rstrip())
    return told


def test_it_begins_after_its_time_and_ends_after_being_clear_for_its_time() -> None:
    """A value beyond the limit must last; one between limit and clear changes nothing."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80, hold=30, clear_hold=20))])

    told = play(evaluation, 90, 91, 91, 91, 91, 85, 81, 80, 80, 80, 80)

    assert told == ["40 begin warning", "90 end warning"]


def test_since_is_when_the_condition_began() -> None:
    """The time for which it must last belongs to it."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80, hold=30))])
    play(evaluation, 0, 95, 95, 95, 95)

    [active] = evaluation.active()

    assert active.since == 10.0


def test_what_flaps_makes_one_event() -> None:
    """A value that goes to and fro across the limit begins once; so does one across both, if it is brief."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80, clear_hold=60))])

    assert play(evaluation, *[95, 85] * 50) == ["0 begin warning"]
    assert play(evaluation, *[95, 70] * 50, start=1000.0) == []


def test_a_condition_that_pauses_begins_anew() -> None:
    """Nothing begins from a value that is beyond the limit now and then."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80, hold=30))])

    assert play(evaluation, *[95, 95, 95, 85] * 20) == []


def test_it_becomes_worse_and_better() -> None:
    """A further stage is told when it begins; the end has the severity of the worst."""
    evaluation = Evaluation(
        [finding(Stage(WARNING, 90, 80, clear_hold=0), Stage(CRITICAL, 98, 90, hold=20, clear_hold=0))]
    )

    told = play(evaluation, 95, 99, 99, 99, 89, 85, 80)

    assert told == ["0 begin warning", "30 begin critical", "60 end critical"]


def test_after_the_worst_it_is_as_bad_as_it_is() -> None:
    """Clear of the critical stage, it is a warning again."""
    evaluation = Evaluation(
        [finding(Stage(WARNING, 90, 80, clear_hold=0), Stage(CRITICAL, 98, 90, clear_hold=0))]
    )
    play(evaluation, 99, 89)

    assert [each.severity for each in evaluation.active()] == [WARNING]


def test_low_values_may_be_the_bad_ones() -> None:
    """The same, turned around."""
    evaluation = Evaluation([finding(Stage(WARNING, 10, 15, hold=20, clear_hold=0), below=True)])

    assert play(evaluation, 10, 9, 9, 9, 12, 14.9, 15) == ["30 begin warning", "60 end warning"]


def test_the_limit_itself_may_count() -> None:
    evaluation = Evaluation([finding(Stage(CRITICAL, 85, 80, at_least=True))])

    assert play(evaluation, 84.9, 85) == ["10 begin critical"]


def test_what_is_null_changes_nothing_for_a_while() -> None:
    """A reading that fails neither begins nor ends a finding; after long enough nothing is known of it."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80))])

    assert play(evaluation, 95, None, None, 95) == ["0 begin warning"]
    assert play(evaluation, *[None] * 100, start=100.0) == [f"{30 + GAP_SECONDS + 10:g} end warning"]


def test_a_time_without_samples_is_no_time_in_which_it_lasted() -> None:
    """A machine that slept, or a recorder that stood still, says nothing of the time between."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80, hold=600))])

    assert play(evaluation, 95, 95, step=GAP_SECONDS + 1) == []


def test_each_subject_has_its_own_state() -> None:
    """One that is gone ends like one that is well."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80, hold=10, clear_hold=0))])

    told = play(evaluation, {"/": 95, "/a": 50}, {"/": 95, "/a": 95}, {"/": 70, "/a": 95}, {})

    assert told == ["10 begin warning /", "20 end warning /", "20 begin warning /a", "30 end warning /a"]


def test_limits_of_the_owner_take_the_place_of_the_declared() -> None:
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80))], {"test.value": (Stage(WARNING, 95, 85),)})

    assert play(evaluation, 94, 96) == ["10 begin warning"]


def test_only_what_looks_at_a_key_that_was_read_is_judged() -> None:
    """A sample of some keys leaves the findings about others as they are."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80))])

    assert evaluation.update(Moment(0, 0, {"value": 95}), {"other"}) == []
    assert len(evaluation.update(Moment(0, 0, {"value": 95}), {"other", "value"})) == 1


def test_a_finding_goes_on_after_a_restart() -> None:
    """It is not told again, and its end is."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80, clear_hold=0))])
    evaluation.restore("test.value", "", WARNING, since=5.0)
    evaluation.restore("test.unknown", "", WARNING, since=5.0)

    assert play(evaluation, 95, 70, start=110.0) == ["120 end warning"]


@pytest.mark.parametrize(
    ("value", "judged"), [(1, None), (None, ""), ({"a": 1}, None), ({"a": None}, ""), ({}, KeyError)]
)
def test_what_was_judged(value: Any, judged: Any) -> None:
    """Null is not well; a finding without a subject is not mentioned."""
    evaluation = Evaluation([finding(Stage(WARNING, 90, 80))])
    play(evaluation, value)

    assert evaluation.judged().get("test.value", KeyError) == judged
