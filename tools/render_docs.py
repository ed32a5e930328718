"""Writes what is generated from the declarations: parts of the documents, `.env.example`, Prometheus rules.

Run it in the folder of the project: `.venv/bin/python tools/render_docs.py`.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pistat import collectors
from pistat.diagnosis import FINDINGS
from pistat.diagnosis.finding import HOUR, Finding, Stage
from pistat.formats import reference, terminal
from pistat.formats.prometheus import FOUND, MEASURED, OWN, Metrics
from pistat.parsers.values import Json
from pistat.routes import ROUTES
from pistat.settings import SETTINGS, Setting, Settings
from pistat.web import errors
from tools import render_rules

PAGES = (
    "README.md",
    "docs/api.md",
    "docs/diagnosis.md",
    "docs/metrics.md",
    "docs/service.md",
    "docs/settings.md",
)
"""The documents that have generated blocks."""

MAIN_SETTINGS = (
    "PISTAT_PORT",
    "PISTAT_HOST",
    "PISTAT_API_TOKEN",
    "PISTAT_CACHE_SECONDS",
    "PISTAT_RATE_LIMIT_REQUESTS",
    "PISTAT_ALLOWED_HOSTS",
)
"""The settings that the README shows."""

EXAMPLE = "tests/boards/pi4b-8gb/expected/stats.json"
"""The answer that the README shows: what a test expects of this board."""

BASE = f"localhost:{Settings().port}"


# Blocks of the documents


def routes_table() -> str:
    """Return the table of the routes."""
    return _table(("Route", "Answer"), [(f"`{route.path}`", route.help) for route in ROUTES])


def parameters_table() -> str:
    """Return the table of the parameters of all routes."""
    rows = [
        (
            f"`{route.path}`",
            f"`{parameter.name}`",
            parameter.accepts,
            f"`{reference.usual(parameter)}`",
            parameter.help,
        )
        for route in ROUTES
        for parameter in route.parameters
    ]
    return _table(("Route", "Parameter", "Accepts", "Default", "Meaning"), rows)


def fields_table() -> str:
    """Return a table for each route that answers with fields."""
    head = ("Field", "Unit", "Meaning", "Source")
    return "\n\n".join(
        f"### `{route.path}`\n\n{_table(head, rows)}"
        for route in ROUTES
        if route.fields
        for rows in [itertools.chain.from_iterable(map(_rows, reference.groups(route)))]
    )


def _rows(group: reference.Group) -> list[tuple[str, ...]]:
    if group.earlier:
        return [(f"`{group.key}`", "", f"As in `{group.earlier}`.", "")]
    return [
        (f"`{field.path}`", field.unit.symbol, reference.meaning(field), str(field.source))
        for field in group.fields
    ]


def settings_table() -> str:
    """Return the table of all settings."""
    rows = [(f"`{setting.name}`", _default(setting), setting.help, setting.accepts) for setting in SETTINGS]
    return _table(("Variable", "Default", "Meaning", "Accepts"), rows)


def main_settings_table() -> str:
    """Return the table of `MAIN_SETTINGS`, without what each accepts."""
    rows = [
        (f"`{setting.name}`", _default(setting), setting.help)
        for name in MAIN_SETTINGS
        for setting in SETTINGS
        if setting.name == name
    ]
    return _table(("Variable", "Default", "Meaning"), rows)


def _default(setting: Setting) -> str:
    """Return the default as code; an empty one is an empty cell, not a word that could be taken for it."""
    return f"`{setting.default}`" if setting.default else ""


def errors_table() -> str:
    """Return the table of the errors."""
    return _table(("Status", "Meaning"), [(str(error.status), error.help) for error in errors.ERRORS])


def findings_table() -> str:
    """Return the findings with their limits and where those come from."""
    rows = [
        (
            f"`{finding.id}`",
            re.sub(r"\{\w+[^}]*\}", "…", finding.title),
            finding.condition
            + (f"; not listed while `{finding.implied_by}` lasts" if finding.implied_by else ""),
            " / ".join(map(_limits, finding.stages)) if finding.accepts else "",
            " / ".join(_lasting(stage.hold) for stage in finding.stages),
            " / ".join(stage.severity.label for stage in finding.stages),
            f"{finding.basis} ({_sources(finding)})",
        )
        for finding in FINDINGS
    ]
    return _table(("Finding", "Title", "When", "Limits", "Must last", "Severity", "Why these limits"), rows)


def _sources(finding: Finding) -> str:
    second = f", [second source]({finding.second_source})" if finding.second_source else ""
    return f"[source]({finding.source}){second}"


def _limits(stage: Stage) -> str:
    return f"{stage.limit:g}, {stage.clear:g}"


def _lasting(seconds: float) -> str:
    """Return for how long a condition must last, such as `15 min`."""
    if not seconds:
        return "at once"
    return f"{seconds / 60:g} min" if seconds < HOUR else f"{seconds / HOUR:g} h"


def metrics_table(metrics: Metrics) -> str:
    """Return the table of metrics."""
    rows = [
        (
            f"`{family.series}`",
            family.kind.value,
            ", ".join(f"`{label}`" for label in metrics.labels(family)),
            f"`{family.path}`" if metrics is MEASURED else family.help,
        )
        for family in metrics.families
    ]
    last = "Field" if metrics is MEASURED else "Meaning"
    return _table(("Metric", "Type", "Labels", last), rows)


def elsewhere() -> str:
    """Return a sentence with the keys that only Linux has."""
    keys = [
        f"`{key}`" for collector in collectors.ALL if collector.elsewhere is None for key in collector.keys
    ]
    return f"On macOS and Windows everything in these is null: {', '.join(keys)}."


def first_answer() -> str:
    """Return the answer to the first request of the README, from the same board as the long example."""
    answer = json.loads((ROOT / EXAMPLE).read_text(encoding="utf-8"))
    return _fenced("json", _pretty({key: answer[key] for key in ("cpu_temp", "cpu_usage", "load_avg")}))


def example() -> str:
    """Return the answer that a test expects of a board, short objects on one line."""
    answer = json.loads((ROOT / EXAMPLE).read_text(encoding="utf-8"))
    return _fenced("json", _pretty(answer))


def _pretty(value: Json, margin: str = "") -> str:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(line) <= terminal.WIDTH:
        return line
    deeper = margin + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_pretty(item, deeper)}" for key, item in value.items()]
    else:
        parts = [_pretty(item, deeper) for item in value]
    return f"{line[0]}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{margin}{line[-1]}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(map(_line, [head, ["---"] * len(head), *rows]))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "client": lambda: _fenced("python", reference.client(BASE)),
    "commands": lambda: _fenced("sh", terminal.side_by_side(reference.commands(f"http://{BASE}"))),
    "elsewhere": elsewhere,
    "errors": errors_table,
    "example-stats": example,
    "first-answer": first_answer,
    "failure": lambda: _fenced("json", reference.failure()),
    "fields": fields_table,
    "main-settings": main_settings_table,
    "findings": findings_table,
    "found-metrics": lambda: metrics_table(FOUND),
    "metrics": lambda: metrics_table(MEASURED),
    "own-metrics": lambda: metrics_table(OWN),
    "parameters": parameters_table,
    "refusal": lambda: _fenced("json", _pretty(json.loads(reference.refusal()))),
    "routes": routes_table,
    "settings": settings_table,
}
BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return `text` with each block between `<!-- generated: NAME -->` and `<!-- end -->` made again."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[3]}", text)


# .env.example


def env_example() -> str:
    """Return the whole file: every setting with its help, commented out since its default holds anyway."""
    head = (
        "# The settings of pi-stat, which it reads from a file named .env next to pi_system_monitor.py.\n"
        "# To change one, remove the # before its name and restart pi-stat: sudo systemctl restart pi-stat\n"
        "# A variable of the same name in the environment overrides this file.\n"
    )
    return head + "".join(
        f"\n# {setting.help}\n# Accepts {setting.accepts}. {setting.default_sentence}\n"
        f"#{setting.name}={setting.default}\n"
        for setting in SETTINGS
    )


def main() -> None:
    """Bring all of it up to date with the declarations."""
    for name in PAGES:
        page = ROOT / name
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / ".env.example").write_text(env_example(), encoding="utf-8")
    render_rules.main(ROOT)


if __name__ == "__main__":
    main()
