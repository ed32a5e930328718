"""Turns the declarations into the reference that /docs shows, as a page and as text."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from markupsafe import Markup, escape

from pistat.cache import NoAnswerError
from pistat.collectors import processes, root_filesystem
from pistat.diagnosis import FINDINGS
from pistat.field import Field
from pistat.formats import page, terminal
from pistat.machine.machine import Machine
from pistat.routes import DOCS, ROUTES, STATS, Route
from pistat.settings import SETTINGS, Settings
from pistat.web import errors, parameters
from pistat.web.parameters import BadQueryError, Parameter

CLIENT = """\
import json
import urllib.error
import urllib.request

url = "http://{base}/stats?fields=cpu_temp,memory,uptime"
try:
    with urllib.request.urlopen(url, timeout=5) as answer:
        pi = json.load(answer)
except urllib.error.HTTPError as refused:
    raise SystemExit(json.load(refused)["message"])

if pi["cpu_temp"] is not None:
    print(f"{pi['cpu_temp']:.1f} degrees Celsius")
print(f"{pi['memory']['percent']} % of the memory in use")
print(f"up for {pi['uptime'] / 86400:.1f} days")
for key, why in pi.get("errors", {}).items():
    print(f"{key} could not be read: {why}")
"""

PYTHON = """\
import json, urllib.request

url = "http://{base}/stats?fields=cpu_temp,power"
pi = json.load(urllib.request.urlopen(url, timeout=5))
print(pi["cpu_temp"], "°C")
if pi["power"]["under_voltage"]:
    print("The power supply is too weak.")
"""

HOME_ASSISTANT = """\
rest:
  - resource: http://{base}/stats?fields=cpu_temp
    scan_interval: 30
    sensor:
      - name: Pi temperature
        value_template: "{{ value_json.cpu_temp }}"
        unit_of_measurement: "°C"
        device_class: temperature
"""

PROMETHEUS = """\
scrape_configs:
  - job_name: pi
    static_configs:
      - targets: ["{base}"]
"""


# What the documents loop over


@dataclass(frozen=True)
class Group:
    """The leaves of one answer that stand under the same top-level key.

    Attributes:
        earlier: The route that has described exactly these before; empty the first time.
    """

    key: str
    fields: tuple[Field, ...]
    earlier: str = ""

    @property
    def branches(self) -> list[Branch]:
        """Return the leaves by what stands before them."""
        return [_branch(stem, leaves) for stem, leaves in _stems(self.fields).items()]


Leaves: TypeAlias = "list[tuple[str, Field]]"
"""Fields, each after its name below a stem: `.total`."""


class Branch(NamedTuple):
    """Leaves below a stem, such as `memory`; it is empty for a key that is a leaf.

    Attributes:
        like: The stem that was told of before, the leaves of which are here, too; empty for none.
        leaves: The others.
    """

    stem: str
    like: str
    leaves: Leaves


def _stems(fields: Iterable[Field]) -> dict[str, Leaves]:
    found: dict[str, Leaves] = {}
    for field in fields:
        stem, dot, name = field.path.rpartition(".")
        found.setdefault(stem, []).append((dot + name, field))
    return found


def _branch(stem: str, leaves: Leaves) -> Branch:
    mine = _nameless(leaves)
    every = _stems(field for route in ROUTES for field in route.fields)
    for other, theirs in itertools.takewhile(lambda item: item[0] != stem, every.items()):
        if other and len(theirs) > 1 and (told := _nameless(theirs)) <= mine:
            return Branch(stem, other, [leaf for leaf in leaves if not _nameless([leaf]) <= told])
    return Branch(stem, "", leaves)


def _nameless(leaves: Leaves) -> set[Field]:
    """Return what the leaves are, whatever they stand below."""
    return {replace(field, path=name) for name, field in leaves}


def groups(route: Route) -> list[Group]:
    """Return the fields of a route by top-level key, in order."""
    return [
        Group(key, fields, _earlier(route, fields))
        for key, found in itertools.groupby(route.fields, attrgetter("key"))
        for fields in [tuple(found)]
    ]


def _earlier(route: Route, fields: Iterable[Field]) -> str:
    before = itertools.takewhile(lambda other: other is not route, ROUTES)
    return next((earlier.path for earlier in before if set(fields) <= set(earlier.fields)), "")


def meaning(field: Field) -> str:
    """Return what a field is, and in which rows it appears."""
    return f"{field.help} Only {field.when}." if field.when else field.help


def place(field: Field) -> str:
    """Return where a field is read, with NAME for its name: sources that differ only in it are shown once."""
    source = str(field.source)
    stem, _, last = source.rpartition(" ")
    return f"{stem} NAME" if last == field.steps[-1] else source


def usual(parameter: Parameter) -> str:
    """Return what a parameter is if it is absent, in few words."""
    every = parameter.kind == "list" and parameter.default == ",".join(parameter.choices)
    return "all" if every else parameter.default.replace(",", ", ")


def refusal() -> str:
    """Return the answer to a bad number, in the words of the daemon."""
    number = next(
        parameter for route in ROUTES for parameter in route.parameters if parameter.kind == "number"
    )
    try:
        parameters.parse(f"{number.name}=abc".encode(), [number])
    except BadQueryError as error:
        return errors.error_body(400, str(error)).decode().strip()
    raise AssertionError(number)


def failure() -> str:
    """Return what an answer holds if the disk has not answered."""
    reason = NoAnswerError(Machine.USAGE_SECONDS)
    return json.dumps({"errors": {root_filesystem.disk.keys[0]: str(reason)}})


def commands(base: str) -> list[tuple[str, str]]:
    """Return commands for a terminal, each with what it shows."""
    lines = [
        (f"curl {shlex.quote(base + route.path + rest)}", gives)
        for route in ROUTES
        for rest, gives in route.examples
    ]
    key = STATS.keys[0]
    figure = shlex.quote(f"{base}{STATS.path}?fields={key}")
    return [
        *lines,
        (f"curl -s {figure} | jq .{key}", "one reading"),
        (f"curl -s {shlex.quote(base + DOCS.path)} | less", "this reference, page by page"),
    ]


def client(base: str) -> str:
    """Return a client in Python that needs nothing but Python."""
    return CLIENT.replace("{base}", base)


def examples(base: str) -> list[tuple[str, str]]:
    """Return blocks to copy into other programs: the name, and the text."""
    ready = sum(len(route.examples) for route in ROUTES)
    lines = commands(f"http://{base}")[ready:]
    shell = "\n".join(f"# {gives}\n{command}" for command, gives in lines)
    return [
        ("curl", shell),
        ("Python", PYTHON.replace("{base}", base)),
        ("Home Assistant", HOME_ASSISTANT.replace("{base}", base)),
        ("Prometheus", PROMETHEUS.replace("{base}", base)),
    ]


def contents(base: str, settings: Settings) -> dict[str, Any]:
    """Return what the templates use; `base` is the host and port for the lines to copy."""
    return {
        "asks": page.requests(settings),
        "base": base,
        "chosen": settings,
        "client": client,
        "commands": commands,
        "errors": errors.ERRORS,
        "every": page.seconds(settings),
        "examples": examples,
        "failure": failure(),
        "findings": FINDINGS,
        "groups": groups,
        "orders": processes.ORDERS,
        "refusal": refusal(),
        "routes": ROUTES,
        "script": page.script,
        "settings": SETTINGS,
        "short": _short(base),
        "style": page.style,
    }


def _short(base: str) -> str:
    lines = [*client(base).splitlines(), *(command for command, _ in commands(base))]
    return terminal.shortened_base(base, lines)


def code(text: str) -> Markup:
    """Return `text` as HTML, with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped first


FILTERS: dict[str, Callable[..., Any]] = {
    "code": code,
    "heading": terminal.heading,
    "meaning": meaning,
    "place": place,
    "quoted": shlex.quote,
    "row": terminal.row,
    "side_by_side": terminal.side_by_side,
    "usual": usual,
}
"""What the templates need beyond Jinja's own filters."""
