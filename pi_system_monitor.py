#!/usr/bin/env python3
"""pi-stat: answers on port 8585 with everything worth knowing about this machine."""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

# The Debian package brings the libraries in pure Python along.
if (VENDORED := Path(__file__).resolve().parent / "vendor").is_dir():
    sys.path.insert(0, str(VENDORED))

from pistat import log as journal
from pistat import slim_imports

if __name__ == "__main__":
    journal.reserve_standard_streams()
    slim_imports.require()
    slim_imports.block()

from pistat.machine.machine import Machine

if __name__ == "__main__":
    # While the libraries are imported, time goes by over which the CPU is measured.
    MACHINE = Machine()
    MACHINE.sample_cpu()
    slim_imports.import_libraries()

from flask import Blueprint, Flask, Response, current_app, g, render_template, request
from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerSecond
from markupsafe import Markup
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from werkzeug.http import parse_accept_header

from pistat import daemon, hosts, routes
from pistat.cache import NoThreadError
from pistat.collectors import cpu, processes
from pistat.compression import Body, PrecompressedTemplate
from pistat.core import Core
from pistat.diagnosis.finding import Severity
from pistat.formats import findings, openapi, page, phone, prometheus
from pistat.formats import history as history_format
from pistat.formats.glances import STATUS
from pistat.formats.glances_history import UnknownError
from pistat.formats.page import Document
from pistat.formats.reference import FILTERS, contents
from pistat.history.storage import StateDirectory
from pistat.monitor import capabilities
from pistat.monitor.monitor import OWNERS, Answer, encode
from pistat.monitor.self_metrics import OTHER
from pistat.routes import Route
from pistat.server import server
from pistat.settings import Settings
from pistat.text import did_you_mean, quoted, visible
from pistat.web import access_control, headers, parameters
from pistat.web.access_control import AccessControl
from pistat.web.errors import MESSAGES, error_body
from pistat.web.parameters import BadQueryError
from pistat.web.ratelimit import MonotonicStorage

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger("pistat")
api = Blueprint("api", __name__)

ENV_FILE = Path(__file__).resolve().parent / ".env"
ALLOWED = "GET, HEAD, OPTIONS"
HOST = re.compile(r"(?:[\w.\-]{1,70}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)
"""What a Host header may look like to be repeated in the reference, which is 78 columns wide."""

GLANCES_PREFIX = routes.GLANCES.path.partition("<")[0]
"""Below which refusals have the shape of Glances, too."""

GUESSES = "guesses"
"""The budget of wrong tokens."""

READERS = (routes.DATA, routes.GLANCES_BUDGET)
"""The budgets that, where a token is set, nobody spends who has not shown it."""

TERMINALS = re.compile(r"(?:curl|Wget|HTTPie|xh)(?:/|$)", re.ASCII)
"""How clients for terminals begin to introduce themselves."""


class BadParameters(BadRequest):
    """A query or a header that is refused; the description is written for the client."""


class RateLimitStatus(NamedTuple):
    """What is left of a budget after a request: of how many, how many more, and for how many seconds."""

    limit: int
    remaining: int
    seconds: int


class Service:
    """What the views need under one set of settings: access control, rate limit, slots.

    Attributes:
        core: What reads the machine. It goes on at a reload.
        wait_for_large_answers: Waits until there is room for a large answer; the server gives it.
    """

    application: WSGIApplication

    def __init__(self, settings: Settings, machine: Machine, last: Service | None) -> None:
        self.settings = settings
        self.machine = machine
        self.core: Core = last.core if last else Core(settings, machine)
        self.core.apply(settings)
        self.blocking_slots: threading.Semaphore = (
            last.blocking_slots if last else threading.BoundedSemaphore(server.BLOCKING)
        )
        # Making one costs milliseconds, on a Pi Zero tens of them; a machine is known by a handful of names.
        self.document = lru_cache(maxsize=8)(self._document)
        self.template = lru_cache(maxsize=4)(self._template)
        self.access_control = AccessControl(settings, machine)
        self.once_per_minute = journal.OncePerMinute()
        self.render_lock = threading.Lock()
        self.capabilities_lock = threading.Lock()
        self._client_locks: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self.wait_for_large_answers: Callable[[], None] = lambda: None
        self.limit = RateLimitItemPerSecond(settings.rate_limit_requests, settings.rate_limit_window)
        self.limits = {
            budget: RateLimitItemPerSecond(times * settings.rate_limit_requests, settings.rate_limit_window)
            for budget, times in ((routes.DATA, 1), (routes.GLANCES_BUDGET, 10))
        }
        self.limiter: Limiter = (
            last.limiter
            if last and last.limit == self.limit
            else Limiter(_client, storage_uri=MonotonicStorage.URI, strategy="fixed-window")
        )

    @contextmanager
    def rendering(self) -> Iterator[None]:
        """Let one request at a time make what takes long. Of each client, one waits among those of others."""
        with self._client_locks.setdefault(_client(), threading.Lock()), self.render_lock:
            self.wait_for_large_answers()
            yield

    @cached_property
    def openapi(self) -> Document:
        """Return the OpenAPI document, made when it is first asked for."""
        return Document(Body(encode(openapi.document(self.settings))).pack(), "application/json")

    def _document(self, template: str, base: str) -> Document:
        # One at a time: whoever asks under many names is not to keep the processor from all others.
        with self.rendering():
            text = render_template(template, **contents(base, self.settings))
        name, _, kind = template.partition(".")
        body = Body(text.encode()).pack()
        if kind == "html":
            return Document(body, "text/html; charset=utf-8", page.policy(name))
        return Document(body, findings.TEXT)

    def _template(self, base: str) -> tuple[PrecompressedTemplate, str]:
        """Return what stands around the first readings in the page, and its Content-Security-Policy."""
        live = Markup(page.LIVE)  # noqa: S704 - a constant
        with self.rendering():
            text = render_template("page.html", live=live, **contents(base, self.settings))
        before, after = text.encode().split(page.LIVE.encode())
        return PrecompressedTemplate(before, after), page.policy()


def create_app(settings: Settings, machine: Machine, last: Service | None = None) -> Flask:
    """Return the application: routes, limiter, error handler. Nothing is read from the machine yet.

    Args:
        settings: What the owner has chosen.
        machine: The machine to report on.
        last: What has served until now, at a reload. Its core goes on, so that no source is read by two;
            its limiter, too, while the limit is the same.
    """
    app = Flask(__name__, static_folder=None, template_folder=str(page.TEMPLATES))
    service = app.extensions["pistat"] = Service(settings, machine, last)
    # A redirect to a corrected path would be HTML, and would hide the mistake.
    app.url_map.merge_slashes = False
    app.jinja_env.filters.update(FILTERS)
    # One that is there already adds no hooks of its own to a request, which cost more than all of ours.
    app.extensions["limiter"] = {service.limiter}
    if not service.limiter.initialized:
        service.limiter.init_app(app)
    app.before_request(_admit)
    app.register_blueprint(api)
    app.register_error_handler(Exception, _error)
    app.after_request(_finish)
    app.wsgi_app = headers.added(app.wsgi_app)  # type: ignore[method-assign, assignment] # the way of Flask
    return app


def _service() -> Service:
    service: Service = current_app.extensions["pistat"]
    return service


# Routes


@api.get(routes.STATS.path)
def stats() -> Response:
    """Answer with all keys or the wanted, cached or fresh; with `block`, the CPU over the next second."""
    wanted = _parameters(routes.STATS)
    service, keys, fresh = _service(), wanted["fields"], not wanted["cache"]
    if not wanted["block"] or set(cpu.cpu.keys).isdisjoint(keys):
        return _compressed(service.core.monitor.answer(keys, fresh=fresh).body())
    if not service.blocking_slots.acquire(blocking=False):
        raise ServiceUnavailable(
            f"{server.BLOCKING} requests wait with block=true already; try again in 1 s.", retry_after=1
        )
    try:
        return _compressed(service.core.monitor.measured(keys, 1.0).body())
    finally:
        service.blocking_slots.release()


@api.get(routes.PROCESSES.path)
def process_list() -> Response:
    """Answer with the first `limit` processes in the order of `sort`; all orders share one collection."""
    wanted = _parameters(routes.PROCESSES)
    answer = _service().core.monitor.answer(routes.PROCESSES.keys)
    table = answer.values["processes"]
    # One at a time: thousands of rows take megabytes until they are bytes.
    with _service().rendering():
        rows = processes.top(table, wanted["sort"], wanted["limit"]) if table else []
        return _json(encode({**answer.document(), "processes": rows}))


@api.get(routes.INTERFACES.path)
def network_interfaces() -> Response:
    """Answer with the network interfaces."""
    return _answer(routes.INTERFACES)


@api.get(routes.DEVICES.path)
def storage_devices() -> Response:
    """Answer with the filesystems and the disk counters."""
    return _answer(routes.DEVICES)


@api.get(routes.CONTAINERS.path)
def all_containers() -> Response:
    """Answer with the containers."""
    return _answer(routes.CONTAINERS)


@api.get(routes.SERVICES.path)
def all_services() -> Response:
    """Answer with the services that have failed, and the state of all."""
    return _answer(routes.SERVICES)


@api.get(routes.HISTORY.path)
def history_curves() -> Response:
    """Answer with the curves of a range, in the wanted format."""
    wanted, service = _parameters(routes.HISTORY), _service()
    # One at a time: a fortnight of all curves takes megabytes while it is made.
    with service.rendering():
        curves = service.core.history.curves(wanted["metrics"], wanted["range"], wanted["since"])
        body = history_format.render(curves, wanted["format"], ascii_only=wanted["ascii"])
        return _compressed(Body(body), history_format.TYPES[wanted["format"]])


@api.get(routes.CAPABILITIES.path)
def all_capabilities() -> Response:
    """Read everything, and look at the source of whatever gave nothing."""
    _parameters(routes.CAPABILITIES)
    service = _service()
    answer = service.core.monitor.answer(tuple(OWNERS))
    # One at a time: else all who come after a new answer make theirs. A source that hangs holds up no others.
    with service.capabilities_lock:
        body = _capabilities(service.machine, service.core.state, answer)
    return _compressed(body)


@lru_cache(maxsize=1)
def _capabilities(machine: Machine, state: StateDirectory, answer: Answer) -> Body:
    """Return the capabilities as JSON, made once for an answer: hundreds of files are looked at."""
    rows = capabilities.document(machine, answer)
    return Body(encode({**rows, **state.document(), "timestamp": answer.values["timestamp"]}))


@api.get(routes.DIAGNOSIS.path)
def diagnosis() -> Response:
    """Answer what is wrong; with `fail`, as a failure if it is bad enough."""
    wanted, current = _parameters(routes.DIAGNOSIS), _service().core.diagnosis
    least = Severity.named(wanted["min"])
    if wanted["format"] == "text" or (wanted["format"] == "auto" and _prefers_text()):
        response = Response(findings.text(current.document(least)), content_type=findings.TEXT)
    else:
        response = _compressed(current.body(least))
    if wanted["fail"] != routes.NEVER and current.status >= Severity.named(wanted["fail"]):
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response.vary.add("Accept")
    return response


@api.get(routes.EVENTS.path)
def event_list() -> Response:
    """Answer what happened lately."""
    wanted, service = _parameters(routes.EVENTS), _service()
    rows = service.core.diagnosis.events(wanted["since"], wanted["limit"])
    return _json(encode({"events": rows, "timestamp": service.machine.time()}))


@api.get(routes.SENSORS.path)
def all_sensors() -> Response:
    """Answer with the sensors, or those of the wanted keys."""
    return _compressed(_service().core.monitor.answer(_parameters(routes.SENSORS)["fields"]).body())


@api.get(routes.METRICS.path)
def metrics() -> Response:
    """Answer with the same readings for Prometheus, and what the daemon itself costs."""
    _parameters(routes.METRICS)
    service, openmetrics = _service(), _wants_openmetrics()
    measured = service.core.monitor.answer(prometheus.KEYS).values
    costs = service.core.self_metrics.values(service.core.monitor.failing)
    found = service.core.diagnosis.metrics()
    response = Response(prometheus.render(measured, found, costs, openmetrics=openmetrics))
    response.headers["Content-Type"] = prometheus.OPENMETRICS if openmetrics else prometheus.TEXT
    response.headers["Vary"] = "Accept"
    return response


@api.get(routes.MONITOR.path)
def phone_app() -> Response:
    """Answer as the phone app PiStats expects it."""
    _parameters(routes.MONITOR)
    service = _service()
    return _json(encode(phone.document(service.machine, service.core.monitor.answer(phone.KEYS).values)))


@api.get(routes.GLANCES_STATUS.path)
def glances_status() -> Response:
    """Answer clients of Glances that this is up; nothing is read."""
    _check_glances()
    return _json(encode(STATUS))


@api.get(routes.GLANCES.path)
def glances(name: str) -> Response:
    """Answer with one plugin of Glances, one item, its history, or all; a query means nothing, as there."""
    _check_glances()
    try:
        return _compressed(_service().core.glances.body(name))
    except UnknownError as error:
        raise BadParameters(str(error)) from None


def _check_glances() -> None:
    if not _service().settings.glances_api:
        raise NotFound


@api.get(routes.HEALTH.path)
def health() -> Response:
    """Answer that the daemon is up; only a clock is read."""
    _parameters(routes.HEALTH)
    machine = _service().machine
    return _json(encode({"status": "healthy", "uptime": round(machine.uptime() - machine.started, 2)}))


@api.get(routes.TOP.path)
def one_screen() -> Response:
    """Answer with one screen for a terminal."""
    wanted = _parameters(routes.TOP)
    colour = wanted["color"] == "always" or (wanted["color"] == "auto" and _shows_colours())
    screen = _service().core.screens.text(_base(), colour=colour, ascii_only=wanted["ascii"])
    response = Response(screen, content_type=findings.TEXT)
    response.vary.update(("Accept", "User-Agent"))
    return response


# Without the strictness, a request line without a path (`GET ?x`) would be redirected, in HTML.
@api.get(routes.GUIDE.path, strict_slashes=False)
def first_page() -> Response:
    """Answer with the guide for terminals, and with the page for everybody else."""
    _parameters(routes.GUIDE)
    if not _wants_text():
        return _page()
    from pistat.formats import guide  # noqa: PLC0415 - see Core.screens

    service = _service()
    # What is wrong with it is only for those who may read it.
    may_read = service.access_control.has_token(request.environ)
    diagnosis = service.core.diagnosis.document() if may_read else None
    name = service.machine.names_of_system().hostname
    response = Response(guide.text(_base(), name, diagnosis), content_type=findings.TEXT)
    response.vary.update(("Accept", "User-Agent"))
    return response


def _page() -> Response:
    """Answer with the page and, unless they want a token that is not shown, its first readings."""
    service, base = _service(), _base()
    # Addresses in the home are for those who may read it.
    neighbours = service.settings.neighbours if service.access_control.has_token(request.environ) else ()
    live = render_template("live.html", neighbours=neighbours, **{"name": base, **_first_readings(service)})
    template, policy = service.template(base)
    response = _compressed(template.render(visible(live).encode()), "text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = policy
    response.vary.update(("Accept", "User-Agent"))
    return response


def _first_readings(service: Service) -> dict[str, Any]:
    from pistat.formats import overview  # noqa: PLC0415 - see Core.screens

    if not service.access_control.has_token(request.environ):
        return overview.empty()
    # As a client would read them, in whom no byte is left that is not text.
    readings = json.loads(service.core.monitor.answer(overview.KEYS).body().plain)
    judged = json.loads(service.core.diagnosis.body().plain)
    events = service.core.diagnosis.events(judged["timestamp"] - overview.SPAN, overview.EVENTS)
    return overview.contents(readings, judged, json.loads(encode({"events": events}))["events"])


@api.get(routes.DOCS.path)
def reference() -> Response:
    """Answer with the reference: text for terminals, a page for everybody else."""
    _parameters(routes.DOCS)
    response = _static(_service().document("docs.txt" if _wants_text() else "docs.html", _base()))
    response.vary.update(("Accept", "User-Agent"))
    return response


@api.get(routes.OPENAPI.path)
def openapi_document() -> Response:
    """Answer with the OpenAPI document."""
    _parameters(routes.OPENAPI)
    return _static(_service().openapi)


@api.get(routes.ICON.path)
def icon() -> Response:
    """Answer with the icon of the page, a file of its own so that no `data:` needs to be allowed."""
    return _static(page.file("icon.svg", "image/svg+xml"))


@api.get(routes.ICON_PNG.path)
def icon_png() -> Response:
    """Answer with the icon as phones want it."""
    return _static(page.file("icon.png", "image/png"))


@api.get(routes.MANIFEST.path)
def manifest() -> Response:
    """Answer with what makes the page an app."""
    return _static(page.file("manifest.webmanifest", "application/manifest+json"))


def _static(document: Document) -> Response:
    """Answer with a document that only changes with the program; with 304 if the client has it already."""
    response = _compressed(document.body, document.mimetype)
    # Weak, since it names the same document in both encodings.
    response.set_etag(document.tag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    if document.policy:
        response.headers["Content-Security-Policy"] = document.policy
    if request.if_none_match.contains_weak(document.tag):
        response.status_code = HTTPStatus.NOT_MODIFIED
    return response


def _answer(route: Route) -> Response:
    _parameters(route)
    return _compressed(_service().core.monitor.answer(route.keys).body())


# Requests


def _parameters(route: Route) -> Mapping[str, Any]:
    """Return the values of the parameters of `route`, or refuse the request with a 400."""
    try:
        return parameters.parse(request.query_string, route.parameters)
    except BadQueryError as error:
        raise BadParameters(str(error)) from None


def _wants_text() -> bool:
    """Return whether the client prefers text, or prefers nothing and is one for terminals."""
    accept, rest = _accepted()
    text, html = accept.get("text/plain", rest), accept.get("text/html", rest)
    if text == html:
        return "text/html" not in accept and TERMINALS.match(request.user_agent.string) is not None
    return bool(text > html)


def _shows_colours() -> bool:
    """Return whether the client is one for terminals that accepts anything."""
    accept, _ = _accepted()
    return not accept.keys() - {"*/*"} and TERMINALS.match(request.user_agent.string) is not None


def _prefers_text() -> bool:
    """Return whether the client names plain text, and likes it more than JSON."""
    accept, _ = _accepted()
    return accept.get("text/plain", 0) > accept.get("application/json", 0)


def _wants_openmetrics() -> bool:
    """Return whether the client names OpenMetrics, and likes it no less than plain text."""
    accept, rest = _accepted()
    wanted = accept.get("application/openmetrics-text", 0)
    return wanted > 0 and wanted >= accept.get("text/plain", rest)


def _accepted() -> tuple[dict[str, float], float]:
    """Return how much the client likes each type that it names, and any other kind of text."""
    # Not accept_mimetypes: it sorts them by an expression that takes 0.3 s for 16 kB of blanks.
    found = parse_accept_header(request.environ.get("HTTP_ACCEPT"))
    accept = {kind.partition(";")[0].strip(): quality for kind, quality in reversed(found)}
    return accept, accept.get("text/*", accept.get("*/*", 0))


def _base() -> str:
    """Return the address under which the client has reached us, for lines that can be copied."""
    return request.host if HOST.fullmatch(request.host) else f"localhost:{_service().settings.port}"


def _answer_options() -> Response | None:
    if request.method != "OPTIONS" or request.url_rule is None:
        return None
    response = Response(status=204, headers={"Allow": ALLOWED})
    del response.headers["Content-Type"]
    return response


# Who may ask, and how often


def _admit() -> Response | None:
    """Check a request before its view runs; one function, since Flask looks up each with every request."""
    service = _service()
    _check_host(service)
    route = _route()
    _check_token(service, route)
    _spend(service, _budget(service, route))
    return _answer_options()


def _route() -> Route | None:
    """Return the route that is asked for; None if there is no such route."""
    return routes.BY_PATH.get(request.url_rule.rule) if request.url_rule else None


def _budget(service: Service, route: Route | None) -> str:
    """Return the budget that a request is taken off; strangers and pages of strangers have their own."""
    environ, budget = request.environ, route.budget if route else routes.DATA
    if not service.access_control.allows_origin(environ.get("HTTP_ORIGIN", "")) and access_control.is_foreign(
        environ, document=budget == "guide"
    ):
        return "cross-site"
    return "preflight" if request.method == "OPTIONS" and service.settings.api_token else budget


def _check_host(service: Service) -> None:
    environ = request.environ
    header = environ.get("HTTP_HOST")
    if header is None and environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        return  # no browser has sent it
    name = hosts.host(header or "")
    if name is not None and service.access_control.allows_host(name):
        return
    # Not at the expense of the owner, whose browser may have been led here by a stranger's page.
    _spend(service, "refused")
    if name is None:
        raise BadParameters(
            "The Host header is not understood; expected the name or the address of this machine, once."
        )
    raise Forbidden(
        f"{quoted(name)} is not known as a name of this machine; "
        "if it is one, add it to PISTAT_ALLOWED_HOSTS."
    )


def _check_token(service: Service, route: Route | None) -> None:
    """Refuse a request that needs the token and does not show it, and a client that guesses too often."""
    # A browser asks with OPTIONS whether it may show the token.
    if request.method == "OPTIONS" or not service.settings.api_token:
        return
    guesses = sum(map(bool, access_control.shown_tokens(request.environ)))
    known = service.access_control.has_token(request.environ)
    if guesses and not (known and _may_guess(service, guesses)):
        _spend(service, GUESSES, guesses)
        known = False
    if known or (route is not None and not route.wants_token):
        return
    if not guesses:
        _spend(service, "refused")
    raise Unauthorized


def _may_guess(service: Service, guesses: int) -> bool:
    """Return whether a client is told that a token is right: after too many wrong ones it is not.

    Who has been told in this window is not guessing, whatever others do behind the same address.
    """
    with _counting(service):
        left = {budget: _rate_limit_status(service, budget).remaining for budget in (GUESSES, *READERS)}
    return left[GUESSES] >= guesses or any(
        left[budget] < _limit(service, budget).amount for budget in READERS
    )


def _spend(service: Service, budget: str, cost: int = 1) -> None:
    """Take a request off a budget of the client, or refuse it with a 429."""
    if not service.settings.rate_limit_enabled:
        return
    with _counting(service):
        within = service.limiter.limiter.hit(_limit(service, budget), f"{budget} {_client()}", cost=cost)
        g.rate_limit_status = _rate_limit_status(service, budget)
    if not within:
        raise TooManyRequests


def _limit(service: Service, budget: str) -> RateLimitItem:
    return service.limits.get(budget, service.limit)


def _rate_limit_status(service: Service, budget: str) -> RateLimitStatus:
    """Return what is left of a budget of the client."""
    limit = _limit(service, budget)
    end, remaining = service.limiter.limiter.get_window_stats(limit, f"{budget} {_client()}")
    seconds = math.ceil(end - time.monotonic())
    return RateLimitStatus(limit.amount, remaining, min(max(1, seconds), service.settings.rate_limit_window))


@contextmanager
def _counting(service: Service) -> Iterator[None]:
    """Refuse a request with a 503 if counting fails: whatever it is, the request is not let through."""
    try:
        yield
    except Exception as error:
        if service.once_per_minute("limit"):
            log.error("The rate limit failed", exc_info=error)  # noqa: TRY400 - once a minute
        raise ServiceUnavailable("Requests cannot be counted now; try again in 1 s.", retry_after=1) from None


def _client() -> str:
    """Return who asks, as the server has found out."""
    return str(request.environ["REMOTE_ADDR"])


# Answers


def _compressed(body: Body, kind: str = "application/json") -> Response:
    """Return an answer, compressed if it is large and the client accepts that."""
    if not body.worth_compressing():
        return Response(body.plain, content_type=kind)
    if not headers.accepts_gzip(request.environ):
        return Response(body.plain, headers={"Vary": "Accept-Encoding"}, content_type=kind)
    packed = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(body.compressed(), headers=packed, content_type=kind)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, content_type="application/json")


def _error(error: Exception) -> Response:
    """Answer with one JSON shape for everything that goes wrong; an unexpected failure shows no details."""
    if isinstance(error, NoThreadError):
        error = ServiceUnavailable("The system has no thread left; try again in 1 s.", retry_after=1)
    if not isinstance(error, HTTPException):
        if _service().once_per_minute((request.endpoint, type(error))):
            log.error("%s failed", request.endpoint, exc_info=error)
        _service().core.self_metrics.last_error = f"{request.endpoint} failed"
        error = InternalServerError()
    status = error.code or 500
    body = error_body(status, _message(error))
    if request.path.startswith(GLANCES_PREFIX):
        body = encode({"detail": _message(error)})
    response = _json(body, status)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ALLOWED
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthorized):
        response.headers.setlist("WWW-Authenticate", access_control.challenges(request.environ))
    return response


def _message(error: HTTPException) -> str:
    if isinstance(error, NotFound):
        message = f"There is no route {quoted(request.path)}; the routes are {', '.join(routes.PATHS)}."
        return message + did_you_mean(request.path, routes.PATHS)
    if isinstance(error, MethodNotAllowed):
        return f"{quoted(request.method)} is not allowed here; expected GET, HEAD or OPTIONS."
    if isinstance(error, TooManyRequests):
        chosen = _service().settings
        limit = f"{g.rate_limit_status.limit} requests in {chosen.rate_limit_window} s"
        return f"A client may make {limit}; try again in {g.rate_limit_status.seconds} s."
    if isinstance(error, (BadParameters, Forbidden, ServiceUnavailable)):
        return error.description or ""
    return MESSAGES.get(error.code or 500, error.name)


def _finish(response: Response) -> Response:
    service = _service()
    if request.remote_addr != server.NOBODY:
        rule = request.url_rule
        service.core.self_metrics.answered(rule.rule if rule else OTHER, response.status_code)
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s %s %d", quoted(request.method), quoted(request.path, 256), response.status_code)
    _share(response)
    status: RateLimitStatus | None = g.get("rate_limit_status")
    if status is not None:
        response.headers.add("RateLimit-Limit", status.limit)
        response.headers.add("RateLimit-Remaining", status.remaining)
        response.headers.add("RateLimit-Reset", status.seconds)
        if response.status_code == TooManyRequests.code:
            response.headers["Retry-After"] = str(status.seconds)
    return response


def _share(response: Response) -> None:
    """Let pages of the chosen origins read the answer."""
    origin = request.environ.get("HTTP_ORIGIN", "")
    shares = _service().access_control.cors(origin, preflight=request.method == "OPTIONS")
    if shares:
        response.vary.add(shares.pop("Vary"))
        response.headers.update(shares)


# The process


def main(arguments: Sequence[str] = (), machine: Machine | None = None) -> int:
    """Run pi-stat until it is told to stop. Return the exit status, unless it has served."""
    return daemon.main(arguments, ENV_FILE, _build, machine or Machine())


def _build(settings: Settings, machine: Machine, last: Service | None) -> Service:
    app = create_app(settings, machine, last)
    service: Service = app.extensions["pistat"]
    service.application = app
    return service


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], MACHINE))
