"""The life of the process, top to bottom: read the settings, bind, notify systemd, serve, reload, stop."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import ipaddress
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pistat import cli, hosts, slim_imports
from pistat import log as journal
from pistat.core import Core
from pistat.machine.machine import Machine
from pistat.monitor.self_metrics import OTHER
from pistat.server import server, systemd
from pistat.server.watchdog import Watchdog
from pistat.settings import BadSettingError, Settings, load
from pistat.validators import Url
from pistat.web.access_control import AccessControl

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from pistat.outbound import mqtt

log = logging.getLogger("pistat")

BAD_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h; a service manager should not restart after it."""

STOP_SECONDS = 1.8
"""How long the end may take in all, whatever hangs."""


class Service(Protocol):
    """What answers requests under one set of settings.

    Attributes:
        application: Answers the requests.
        access_control: Decides whom to answer; the server asks it about errors of its own.
        core: Reads the machine, records it and judges it.
        wait_for_large_answers: Waits until the server has room for a large answer; the server's own.
    """

    application: WSGIApplication
    settings: Settings
    access_control: AccessControl
    core: Core
    wait_for_large_answers: Callable[[], None]


S = TypeVar("S", bound=Service)
Build = Callable[[Settings, Machine, "S | None"], S]
"""Makes a service; from the one before if there is one, so that caches and rate limits go on."""


def main(arguments: Sequence[str], env_file: Path, build: Build[S], machine: Machine) -> int:
    """Start, and serve until told to stop. Return the exit status, unless it has served."""
    wanted = cli.parse(arguments, env_file) if arguments else None
    # Without a standard error there is nowhere to write to.
    with contextlib.suppress(RuntimeError, OSError, ValueError):
        faulthandler.enable()
    journal.set_up(logging.INFO)
    try:
        settings = load(os.environ, env_file)
    except BadSettingError as error:
        journal.print_fatal(str(error))
        return BAD_CONFIGURATION
    if wanted and wanted.check:
        print(cli.report(settings, os.environ, env_file))  # noqa: T201 - what --check is for
        return 0
    if any(url.tls for url in (*settings.notify, *settings.heartbeat_url, *settings.mqtt_url)):
        slim_imports.allow_tls()
    if wanted and wanted.notify_test:
        return _notify_test(settings, machine)
    if wanted and wanted.mqtt_forget:
        return _mqtt_forget(settings, machine)
    _set_level(settings)
    machine.start_sampling()
    try:
        sockets = server.bind(settings.host, settings.port)
    except OSError as error:
        journal.print_fatal(_cannot_listen(settings, error))
        return 1
    service = build(settings, machine, None)
    serving = server.Server(service.application, sockets, partial(service.core.self_metrics.answered, OTHER))
    Daemon(serving, service, build, machine, env_file).run()
    # The kernel takes back at once what the interpreter would clear away for seconds, on a Pi Zero.
    os._exit(0)


def _notify_test(settings: Settings, machine: Machine) -> int:
    """Send a test message to each target and print what each server answered; return the exit status."""
    from pistat.outbound import notify  # noqa: PLC0415 - see _start_outbound

    answers = notify.test(settings.notify, machine.host_name(), _page(settings, machine))
    for number, (_, answer) in enumerate(answers, 1):
        print(f"Target {number} of PISTAT_NOTIFY: {answer}")  # noqa: T201 - what --notify-test is for
    if not answers:
        journal.print_fatal("PISTAT_NOTIFY is empty; expected a URL.")
    return 0 if answers and all(good for good, _ in answers) else 1


def _mqtt_forget(settings: Settings, machine: Machine) -> int:
    """Take this machine off the broker, and say whether that succeeded; return the exit status."""
    failed = "PISTAT_MQTT_URL is empty; expected the URL of a broker"
    for url in settings.mqtt_url:
        from pistat.outbound import mqtt  # noqa: PLC0415 - see _start_outbound

        failed = mqtt.forget(_broker(settings, url), machine)
    if failed:
        journal.print_fatal(f"{failed}.")
        return 1
    print("The broker has forgotten this machine.")  # noqa: T201 - what --mqtt-forget is for
    return 0


def _broker(settings: Settings, url: Url) -> mqtt.Options:
    from pistat.outbound import mqtt  # noqa: PLC0415 - see _start_outbound

    return mqtt.Options(url, settings.mqtt_seconds, settings.mqtt_discovery_prefix)


def _page(settings: Settings, machine: Machine) -> str:
    return f"http://{hosts.reachable(machine.host_name())[0]}:{settings.port}/"


def _cannot_listen(settings: Settings, error: OSError) -> str:
    where = f"PISTAT_HOST {settings.host}, PISTAT_PORT {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"Port {settings.port} is in use by another program ({where})."
    return f"Cannot listen: {error.strerror} ({where})."


class Daemon(Generic[S]):
    """A server with the service that answers for it, until it is told to stop."""

    def __init__(
        self, serving: server.Server, service: S, build: Build[S], machine: Machine, env_file: Path
    ) -> None:
        self._serving = serving
        self._service = service
        self._build = build
        self._machine = machine
        self._env_file = env_file
        self._until = 0.0
        self._publishers: list[mqtt.Publisher] = []

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; at SIGHUP, read the settings again."""
        self._use(self._service)
        if systemd.listens():
            # Else it comes from a terminal that was closed, and shall end us as ever.
            signal.signal(signal.SIGHUP, self._serving.request_reload)
        watchdog = Watchdog(self._serving.self_request, self._status)
        self._serving.run(self._ready, turned=watchdog.tick, reload=self._reload, ending=self._ending)
        stops = [self._service.core.recorder.stop, *(publisher.stop for publisher in self._publishers)]
        for stop in stops:
            stop(max(0.1, self._until - time.monotonic()))

    def _ending(self) -> None:
        """Let requests under way, the recorder and MQTT finish at the same time, not one after the other."""
        systemd.notify("STOPPING=1")
        self._until = time.monotonic() + STOP_SECONDS
        self._service.core.recorder.request_stop()
        for publisher in self._publishers:
            publisher.request_stop()

    def _ready(self) -> None:
        systemd.notify(f"READY=1\nSTATUS={self._status()}")
        log.info("Listening on %s", " and ".join(self._addresses()))
        _log_if_open(self._service.settings)
        # Whether the firmware can be asked, and what its owner can do, is said before anybody wants to know.
        threading.Thread(target=lambda: self._machine.firmware.access, name="access", daemon=True).start()
        self._start_outbound()
        self._service.core.recorder.start()

    def _start_outbound(self) -> None:
        """Begin to send what the settings ask for; what none asks for is not even imported."""
        settings, core, machine = self._service.settings, self._service.core, self._machine
        page = _page(settings, machine)
        if settings.notify:
            from pistat.outbound import notify  # noqa: PLC0415

            if not settings.history_seconds:
                log.warning("PISTAT_NOTIFY sends nothing while PISTAT_HISTORY_SECONDS is 0.")
            notify.Notifier(
                [notify.Target(target) for target in settings.notify],
                core.diagnosis,
                machine,
                page,
                notify.Rules(settings.notify_from, settings.notify_repeat * 3600.0),
            ).start()
        for url in settings.heartbeat_url:
            from pistat.outbound import heartbeat  # noqa: PLC0415

            heartbeat.Heartbeat(url, settings.heartbeat_seconds, core.diagnosis).start()
        for url in settings.mqtt_url:
            from pistat.outbound import mqtt  # noqa: PLC0415

            broker = _broker(settings, url)
            self._publishers.append(mqtt.Publisher(broker, core.monitor, core.diagnosis, machine, page))
            self._publishers[-1].start()

    def _addresses(self) -> list[str]:
        """Return the URLs that a browser in the network can open; none of them is `0.0.0.0`."""
        settings = self._service.settings
        if settings.host not in hosts.ALL_ADDRESSES:
            return self._serving.urls
        found = hosts.reachable(self._machine.host_name())
        return [f"http://{host}:{settings.port}/" for host in found]

    def _status(self) -> str:
        """Return the line that `systemctl status` shows."""
        metrics = self._service.core.self_metrics
        error = f"; last error: {metrics.last_error}" if metrics.last_error else ""
        return (
            f"Listening on {' and '.join(self._serving.urls)}; requests answered: {metrics.requests}{error}"
        )

    def _reload(self) -> None:
        """Serve with the settings as they are now, if they are good; requests under way end as they began."""
        old = self._service.settings
        try:
            new = load(os.environ, self._env_file)
        except BadSettingError as error:
            log.error("The settings stay as they were. %s", error)  # noqa: TRY400 - its text is all that matters
            return
        if (new.host, new.port) != (old.host, old.port):
            log.warning("A new PISTAT_HOST or PISTAT_PORT needs a restart.")
        if (new.history_seconds, new.history_save) != (old.history_seconds, old.history_save):
            log.warning("A new PISTAT_HISTORY_SECONDS or PISTAT_HISTORY_SAVE needs a restart.")
        if _outbound(new) != _outbound(old):
            log.warning("Other settings of notifications, of the heartbeat or of MQTT need a restart.")
        if old.api_token and not new.api_token:
            # The file may have been lost, or just be written: nothing is opened by what is not there.
            log.warning("The old PISTAT_API_TOKEN stays; to serve without one needs a restart.")
            new = replace(new, api_token=old.api_token)
        _set_level(new)
        _log_if_open(new)
        self._use(self._build(replace(new, host=old.host, port=old.port), self._machine, self._service))
        log.info("The settings were read again.")

    def _use(self, service: S) -> None:
        """Have `service` answer, and the server do as its settings say."""
        self._service = service
        self._serving.limits.proxied = service.settings.trusted_proxies > 0
        service.wait_for_large_answers = self._serving.wait_for_large_answers
        self._serving.cors, self._serving.client = service.access_control.cors, service.access_control.client
        self._serving.application = service.application


def _outbound(settings: Settings) -> tuple[object, ...]:
    return (
        settings.notify,
        settings.notify_from,
        settings.notify_repeat,
        settings.heartbeat_url,
        settings.heartbeat_seconds,
        settings.mqtt_url,
        settings.mqtt_seconds,
        settings.mqtt_discovery_prefix,
    )


def _set_level(settings: Settings) -> None:
    log.setLevel(logging.DEBUG if settings.debug else settings.log_level)


def _log_if_open(settings: Settings) -> None:
    here = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    if not here and not settings.api_token:
        log.info(
            "Anyone on the network can read this. To change that, set PISTAT_API_TOKEN, "
            "or PISTAT_HOST to 127.0.0.1."
        )
