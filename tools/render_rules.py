"""Writes the Prometheus rules of the findings that have none by hand, and the tests of these rules.

`tools/render_docs.py` runs it, too.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pistat.diagnosis import FINDINGS
from pistat.diagnosis.finding import Finding

RULES = "deploy/prometheus/rules/findings.yml"
TESTS = "deploy/prometheus/findings_test.yml"

HEAD = """\
# Written by tools/render_docs.py: an alert for each finding of /diagnosis that has none in pi-stat.yml.
# How long a condition must last, and when it ends, is decided on the Pi; the severity comes as a label.

groups:
  - name: pi-stat-findings
    rules:
"""
TESTS_HEAD = """\
# Written by tools/render_docs.py: promtool test rules findings_test.yml

rule_files:
  - rules/findings.yml

evaluation_interval: 1m

tests:
"""


def generated() -> list[Finding]:
    """Return the findings whose alerts are written here."""
    return [finding for finding in FINDINGS if not finding.alert]


def alert(finding: Finding) -> str:
    """Return the name of an alert: `PiDiskInodes` for `disk.inodes`."""
    return finding.alert or "Pi" + "".join(word.capitalize() for word in re.split("[._]", finding.id))


def summary(finding: Finding, instance: str = "{{ $labels.instance }}") -> str:
    """Return what is wrong with which Pi."""
    return f"{instance}: {finding.condition}"


def description(finding: Finding, instance: str = "{{ $labels.instance }}") -> str:
    """Return what to do; where the advice has a name of the machine, only that knows it."""
    advice = re.sub(r"\{\w+\}", "NAME", finding.advice).replace("`", '"')
    return f"{advice.removesuffix('.')}. More in http://{instance}/diagnosis?format=text."


def rules() -> str:
    """Return the whole file of rules."""
    return HEAD + "".join(
        f"      - alert: {alert(finding)}\n"
        f"        expr: pistat_finding{{id={json.dumps(finding.id)}}} == 1\n"
        "        annotations:\n"
        f"          summary: {_quoted(summary(finding))}\n"
        f"          description: {_quoted(description(finding))}\n"
        for finding in generated()
    )


def rule_tests() -> str:
    """Return the whole file of tests: each fires with its severity where it lasts, and nowhere else."""
    return TESTS_HEAD + "".join(map(_test, generated()))


def _test(finding: Finding) -> str:
    severity = finding.stages[-1].severity.label
    return f"""\
  - name: {alert(finding)}
    interval: 1m
    input_series:
      - series: 'pistat_finding{{job="pi-stat",instance="bad",id="{finding.id}",severity="{severity}"}}'
        values: _x3 1x3 _x3
      - series: 'pistat_finding{{job="pi-stat",instance="good",id="other.finding",severity="{severity}"}}'
        values: 1x9
    alert_rule_test:
      - eval_time: 2m
        alertname: {alert(finding)}
      - eval_time: 5m
        alertname: {alert(finding)}
        exp_alerts:
          - exp_labels:
              job: pi-stat
              instance: bad
              id: {finding.id}
              severity: {severity}
            exp_annotations:
              summary: {_quoted(summary(finding, "bad"))}
              description: {_quoted(description(finding, "bad"))}
"""


def _quoted(text: str) -> str:
    """Return a text for YAML, which reads all that JSON has."""
    return json.dumps(text, ensure_ascii=False)


def main(root: Path = ROOT) -> None:
    """Bring both files up to date with the declarations."""
    (root / RULES).write_text(rules(), encoding="utf-8")
    (root / TESTS).write_text(rule_tests(), encoding="utf-8")


if __name__ == "__main__":
    main()
