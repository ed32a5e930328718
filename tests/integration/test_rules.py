"""The alerts of Prometheus and the findings of the diagnosis: one set of limits, whoever looks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pistat.diagnosis import BY_ID, FINDINGS
from pistat.diagnosis.finding import Finding, Stage
from support.programs.prometheus_server import INSTALLED
from tools import render_rules

if TYPE_CHECKING:
    from support.require import Require

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules/pi-stat.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]

NO_FINDING = {
    "PiGone": "a Pi that is gone cannot say so",
    "PiVanished": "only the server knows what it once watched",
    "PiStatRestarting": "a restart of the daemon is an event; only the server counts them over an hour",
    "PiClockWrong": "only another clock shows how far one is off",
    "PiCollectorFailing": "a reading that fails is in `unknown` of /diagnosis, with its reason",
    "PiStatErrors": "a mistake in pi-stat itself, which its own judgement would not find",
    "PiFlashSpare": "a part of disk.worn, whose other part is a number and this a word",
}
"""Why an alert is no finding."""

OWN_TIME = {
    "PiDiskFilling": "a large file bends its line through 6 hours for 3; the finding takes the median",
}
"""Why an alert has another time than the finding."""

WORDS = {"filling": "24 * 3600", "loop": ">= 3"}
"""How the limit of a finding stands in its expression, where it is not as the finding has it."""


def by_hand() -> list[Finding]:
    return [each for each in FINDINGS if each.alert]


def rules_of(finding: Finding) -> dict[str, dict[str, Any]]:
    """Return the rules of a finding, by how severe they are."""
    return {rule["labels"]["severity"]: rule for rule in ALERTS if rule["alert"] == finding.alert}


def seconds(duration: str) -> float:
    """Return the seconds of a time as Prometheus writes it, such as `15m`."""
    return float(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def test_every_alert_is_a_finding_or_says_why_not() -> None:
    """And every finding has an alert: by hand, or generated."""
    named = {each.alert for each in by_hand()}

    assert {rule["alert"] for rule in ALERTS} == named | NO_FINDING.keys()
    assert not named & NO_FINDING.keys()
    assert {*map(render_rules.alert, render_rules.generated())} & (named | NO_FINDING.keys()) == set()


@pytest.mark.parametrize("finding", by_hand(), ids=lambda each: each.id)
def test_both_are_as_severe_after_the_same_time(finding: Finding) -> None:
    """Each stage of a finding has its rule, with its severity and its time."""
    found = {severity: seconds(rule.get("for", "0s")) for severity, rule in rules_of(finding).items()}
    declared = {stage.severity.label: stage.hold for stage in finding.stages}

    if finding.alert in OWN_TIME:
        assert found.keys() == declared.keys()
    else:
        assert found == declared


@pytest.mark.parametrize(
    ("finding", "stage"),
    [
        pytest.param(each, stage, id=f"{each.id}-{stage.severity.label}")
        for each in by_hand()
        if each.accepts
        for stage in each.stages
    ],
)
def test_both_have_the_same_limit(finding: Finding, stage: Stage) -> None:
    """The number, and whether it counts itself; what a finding has in per cent is a ratio for Prometheus."""
    expression = rules_of(finding)[stage.severity.label]["expr"]
    sign = "<" if finding.below else ">"
    compared = f"{sign}=" if stage.at_least else sign
    told = WORDS.get(finding.id.partition(".")[2])
    if told:
        assert told in expression
        assert f"{stage.limit:g}" in told
    else:
        numbers = {float(each) for each in re.findall(rf"{compared} ([\d.]+)", expression)}
        assert {stage.limit, stage.limit / 100} & numbers


def test_limits_in_the_text_of_an_alert_are_those_of_its_finding() -> None:
    """What the finding takes into account beside its limit, the expression does as well."""
    throttled, worn = rules_of(BY_ID["heat.throttled"]), rules_of(BY_ID["disk.worn"])

    assert "< 70" in throttled["warning"]["expr"]
    assert ">= 0.9" in worn["warning"]["expr"]
    assert "< 5e9" in rules_of(BY_ID["disk.full"])["critical"]["expr"]


def test_the_generated_rules_are_current() -> None:
    """Both files are what the declarations give: run `tools/render_docs.py`."""
    assert (ROOT / render_rules.RULES).read_text(encoding="utf-8") == render_rules.rules()
    assert (ROOT / render_rules.TESTS).read_text(encoding="utf-8") == render_rules.rule_tests()


def test_the_generated_rules_do_what_they_say(require: Require) -> None:
    """Each fires while its finding lasts, as severe as that is, and no longer."""
    require(INSTALLED, "Prometheus (Debian: prometheus)")
    ran = subprocess.run(
        ["promtool", "test", "rules", Path(render_rules.TESTS).name],
        cwd=(ROOT / render_rules.TESTS).parent,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
