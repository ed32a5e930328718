"""The routes, each declared once: what it answers, its parameters, its fields, lines to copy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pistat import collectors
from pistat.collectors import drives, filesystems, network, processes, root_filesystem, system
from pistat.collectors.operating_system import containers, services
from pistat.diagnosis import events, report
from pistat.field import Derived, Field, File, Unit
from pistat.history import metrics as history
from pistat.history import storage
from pistat.history.series import RANGES
from pistat.monitor import capabilities
from pistat.web import parameters
from pistat.web.parameters import Parameter

DATA = "data"
"""The budget of what this machine says about itself."""

GLANCES_BUDGET = "glances"
"""The budget of clients of Glances, which ask for one small thing after the other: ten times the others."""


@dataclass(frozen=True)
class Route:
    """One route.

    Attributes:
        path: Of its URL.
        help: One sentence: what it answers.
        fields: The leaves of its answer, in order.
        parameters: What its query may hold.
        examples: Lines to copy: the rest of the URL, and what it gives.
        media: What its answer may be.
        also: Statuses besides 200 with which the same may be answered.
        budget: In which of a client's budgets its requests are counted, so that probe, reader and dashboard
            don't starve each other. Only what is in the budgets `data` and `glances` wants the token.
    """

    path: str
    help: str
    fields: tuple[Field, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    media: tuple[str, ...] = ("application/json",)
    also: tuple[int, ...] = ()
    budget: str = DATA

    @property
    def wants_token(self) -> bool:
        """Return whether it is answered only with the token, where one is set."""
        return self.budget in {DATA, GLANCES_BUDGET}

    @property
    def summary(self) -> str:
        """Return `help` where nothing marks code."""
        return self.help.replace("`", "")

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Return the top-level keys of the answer."""
        return tuple(dict.fromkeys(field.key for field in self.fields))


def _only(fields: Iterable[Field]) -> Parameter:
    """Return the parameter that names the wanted ones of the top-level keys."""
    keys = tuple(dict.fromkeys(field.key for field in fields))
    return parameters.names("fields", keys, "Only these keys; nothing else is read.")


_STATS_FIELDS = tuple(field for collector in collectors.STATS for field in collector.fields)

STATS = Route(
    "/stats",
    "All main readings of this machine in one JSON object.",
    _STATS_FIELDS,
    (
        parameters.flag(
            "block",
            "Measure the CPU over the second after the request; everything else is read at the end of it.",
            default=False,
        ),
        parameters.flag(
            "cache",
            "With false, take the readings after the request has arrived, not from the cache.",
            default=True,
        ),
        _only(_STATS_FIELDS),
    ),
    (
        ("", "all main readings"),
        ("?fields=cpu_temp,power", "two keys, and cheaper"),
        ("?block=true", "CPU over the next second"),
    ),
)
PROCESSES = Route(
    "/processes",
    "Running processes, sorted and limited as you ask.",
    (*processes.processes.fields, *system.timestamp.fields),
    (
        parameters.choice(
            "sort",
            "cpu",
            tuple(processes.ORDERS),
            "cpu, memory, time: largest first; name, pid: smallest first.",
        ),
        parameters.number("limit", 10, 1, 10_000, "Maximum number of rows."),
    ),
    (("?sort=memory&limit=5", "top memory users"),),
)
INTERFACES = Route(
    "/network/interfaces",
    "Every network interface except loopback, with addresses, counters and link state.",
    (*network.interfaces.fields, *system.timestamp.fields),
    examples=(("", "addresses and traffic"),),
)
DEVICES = Route(
    "/storage/devices",
    "Every mounted filesystem, local and remote, with its space; the disks with their counters and health.",
    (
        *filesystems.devices.fields,
        *root_filesystem.disk_io.fields,
        *drives.disks.fields,
        *system.timestamp.fields,
    ),
    examples=(("", "how full the disks are"),),
)
CONTAINERS = Route(
    "/containers",
    "The containers of Docker, Podman, Kubernetes, LXC and systemd-nspawn, and what each uses.",
    (*containers.containers.fields, *system.timestamp.fields),
    examples=(("", "what the containers use"),),
)
SERVICES = Route(
    "/services",
    "Whether any service has failed, and which; checked once a minute.",
    (*services.services.fields, *system.timestamp.fields),
    examples=(("", "has anything failed?"),),
)
METRICS = Route(
    "/metrics",
    "The readings of all routes except `/processes`, for Prometheus.",
    examples=(("", "for Prometheus"),),
    media=("text/plain", "application/openmetrics-text"),
)
_SENSORS_FIELDS = (
    *(field for collector in collectors.SENSORS for field in collector.fields),
    *system.timestamp.fields,
)
SENSORS = Route(
    "/sensors",
    "Every thermometer, fan, voltage, power rail and clock that the board and its chips report.",
    _SENSORS_FIELDS,
    (_only(_SENSORS_FIELDS),),
    examples=(("", "all sensors"), ("?fields=pmic", "the power of a Pi 5")),
)
HISTORY = Route(
    "/history",
    "The readings of the last hour, day or two weeks, as curves.",
    (*history.FIELDS_OF_ANSWER, *system.timestamp.fields),
    (
        parameters.names(
            "metrics", tuple(metric.name for metric in history.METRICS), "Only these curves.", history.USUAL
        ),
        parameters.choice(
            "range",
            "1h",
            tuple(RANGES),
            "How far back: up to 1h a point is 10 s, up to 24h a minute, beyond that ten minutes.",
        ),
        parameters.moment("since", "Only points after this Unix time, for clients that have the others."),
        parameters.choice("format", "json", ("json", "csv", "text"), "What the answer is."),
        parameters.flag("ascii", "Draw the curves of `format=text` without blocks.", default=False),
    ),
    (
        ("?range=24h&format=text", "a day, drawn"),
        ("", "the last hour"),
        ("?range=14d&format=csv", "14 days as CSV"),
    ),
    media=("application/json", "text/csv", "text/plain"),
)
CAPABILITIES = Route(
    "/capabilities",
    "Which readings this machine has; for the others, why not and how to get them.",
    (*capabilities.FIELDS, *storage.FIELDS, *system.timestamp.fields),
    examples=(("", "why a reading is null"),),
)
NEVER = "never"
"""The value of `fail` with which no finding makes the answer a failure."""

DIAGNOSIS = Route(
    "/diagnosis",
    "What is wrong with this machine, since when, and what to do about it.",
    (*report.FIELDS, *system.timestamp.fields),
    (
        parameters.choice("min", "info", report.SEVERITIES, "Only findings of at least this severity."),
        parameters.choice(
            "fail",
            NEVER,
            (NEVER, *report.SEVERITIES),
            "Answer with status 503, and the same body, if there is a finding of at least this severity.",
        ),
        parameters.choice(
            "format", "auto", ("auto", "json", "text"), "Text for people, or JSON; auto goes by `Accept`."
        ),
    ),
    (
        ("?format=text", "what is wrong"),
        ("?fail=critical", "503 if critical"),
    ),
    media=("application/json", "text/plain"),
    also=(503,),
)
TOP = Route(
    "/top",
    "How this machine is doing, on one screen of a terminal.",
    parameters=(
        parameters.choice(
            "color",
            "auto",
            ("auto", "always", "never"),
            "Colours; auto has them for curl, Wget, HTTPie and xh, unless they ask for `text/plain`.",
        ),
        parameters.flag("ascii", "Only ASCII, for old terminals.", default=False),
    ),
    examples=(("", "how it is doing, on one screen"), ("?color=never&ascii=true", "plain ASCII")),
    media=("text/plain",),
)
EVENTS = Route(
    "/events",
    "What happened: findings that began and ended, starts of the machine, changes of its clock.",
    (*report.EVENTS, *system.timestamp.fields),
    (
        parameters.moment("since", "Only what happened after this Unix time."),
        parameters.number("limit", 100, 1, events.MOST, "Maximum number of events; the latest are shown."),
    ),
    examples=(("", "what happened"),),
)
HEALTH = Route(
    "/health",
    "Whether pi-stat is up, not whether the machine is well. Costs next to nothing.",
    (
        Field(
            "status",
            Unit.TEXT,
            "Always `healthy`: pi-stat answers. Whether the machine is well is what `/diagnosis` says.",
            Derived("the daemon"),
        ),
        *system.uptime.fields,
    ),
    examples=(("", "only whether pi-stat is up"),),
    budget="health",
)


def _phone(path: str, unit: Unit, text: str, *places: File) -> Field:
    return Field(path, unit, f"{text} 0 or empty where unknown.", Derived("as in /stats", places))


MONITOR = Route(
    "/monitor.json",
    "What the phone app PiStats asks for; unknown values are 0 or empty, since the app fails on null.",
    (
        _phone("soc_temperature", Unit.CELSIUS, "Temperature of the SoC."),
        _phone("uptime", Unit.SECONDS, "Time since boot."),
        _phone("load_average[3]", Unit.LOAD, "Load over 1, 5 and 15 minutes."),
        _phone("kernel_release", Unit.TEXT, "Version of the kernel."),
        _phone("hostname", Unit.TEXT, "Name of this machine."),
        _phone("memory.total_memory", Unit.KILOBYTES, "Memory."),
        _phone("memory.free_memory", Unit.KILOBYTES, "Unused memory.", File("/proc/meminfo", "MemFree")),
        _phone("memory.available_memory", Unit.KILOBYTES, "Memory for new programs."),
    ),
    examples=(("", "for the app PiStats"),),
)
OPENAPI = Route(
    "/openapi.json",
    "This API as an OpenAPI 3.1 document, for programs.",
    examples=(("", "for code generators"),),
    budget="guide",
)
DOCS = Route(
    "/docs",
    "The reference: every route, field, finding, setting and error. HTML for a browser, text for a terminal.",
    examples=(("", "the whole reference"),),
    media=("text/html", "text/plain"),
    budget="guide",
)
GUIDE = Route(
    "/",
    "The live page in a browser; a guide of one screen in a terminal.",
    media=("text/html", "text/plain"),
    budget="guide",
)
ICON = Route("/icon.svg", "The icon of the page.", media=("image/svg+xml",), budget="guide")
ICON_PNG = Route("/icon.png", "The same, for phones.", media=("image/png",), budget="guide")
MANIFEST = Route(
    "/manifest.webmanifest",
    "What a phone needs to put the page on its home screen.",
    media=("application/manifest+json",),
    budget="guide",
)

GLANCES = Route("/api/4/<path:name>", "As Glances 4 answers, for its clients.", budget=GLANCES_BUDGET)
GLANCES_STATUS = Route("/api/4/status", "That this is up, for clients of Glances.", budget="health")

ROUTES = (
    STATS,
    PROCESSES,
    INTERFACES,
    DEVICES,
    SENSORS,
    CONTAINERS,
    SERVICES,
    HISTORY,
    DIAGNOSIS,
    TOP,
    EVENTS,
    CAPABILITIES,
    METRICS,
    MONITOR,
    HEALTH,
    OPENAPI,
    DOCS,
    GUIDE,
)
"""Those that are documented."""

PATHS = tuple(route.path for route in ROUTES)
BY_PATH = {route.path: route for route in (*ROUTES, ICON, ICON_PNG, MANIFEST, GLANCES, GLANCES_STATUS)}
