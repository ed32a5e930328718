"""Notifications and the heartbeat, against servers on real sockets; the clock is handed in."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from pistat.diagnosis import FINDINGS
from pistat.diagnosis.events import Event
from pistat.diagnosis.finding import Finding
from pistat.diagnosis.report import Diagnosis
from pistat.monitor.monitor import Monitor
from pistat.outbound import notify, transport
from pistat.outbound.heartbeat import Heartbeat
from pistat.outbound.notify import Notifier, Rules, Target
from pistat.outbound.request import Answer
from pistat.settings import Settings
from pistat.validators import Url, urls
from support.programs import ntfy
from support.recorded_machine import BOARDS, RecordedMachine

SCHEMES = urls("http", "https", "ntfy", "ntfy+http")
ROW = {
    "id": "heat.hot",
    "subject": None,
    "text": "Hot.",
    "advice": "Cool it.",
    "evidence": {"cpu_temp": 85.0},
}


class Clock:
    """A machine of which only the name and the clocks are asked."""

    now = 1000.0

    def uptime(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    def host_name(self) -> str:
        return "raspberrypi"


class Judge:
    """A diagnosis with one finding that lasts."""

    status = "warning"

    def document(self, least: object = None) -> dict[str, Any]:
        del least
        row = {**ROW, "severity": "warning", "since": 1_800_000_900.0, "title": "The CPU is hot"}
        return {"status": self.status, "sentence": "Hot & dry?", "findings": [row]}


def event(state: str, number: int = 0, severity: str = "warning") -> Event:
    duration = 30.0 if state == "end" else None
    return Event(
        float(number), 1_800_000_000.0 + number, "heat.hot", "", state, severity, "The CPU is hot", duration
    )


class Bench:
    """A notifier with one target, whose answers and clock a test sets."""

    def __init__(self, repeat: float = 0.0) -> None:
        self.clock, self.got, self.answer = Clock(), [], Answer(True, "")
        target = Target(SCHEMES("http://pi:secret@server/hook?key=secret")[0])
        clock: Any = self.clock
        judge: Any = Judge()
        rules = Rules("warning", repeat)
        self.notifier = Notifier([target], judge, clock, "http://raspberrypi:8585/", rules, self.deliver)
        self.tries = 0

    got: list[dict[str, Any]]

    def deliver(self, url: Url, content: dict[str, Any]) -> Answer:
        del url
        self.tries += 1
        if self.answer.accepted:
            self.got.append(content)
        return self.answer


@contextmanager
def server(
    status: int = 200, location: str = "/elsewhere"
) -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A server that answers everything with `status`, and what it was asked."""
    asked: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, dict(self.headers), body))
            self.send_response(status)
            self.send_header("Location", location)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{found.server_port}", asked
    finally:
        found.shutdown()
        thread.join()
        found.server_close()


def test_begin_and_end_have_one_shape() -> None:
    bench = Bench()
    bench.notifier.take(event("begin"))
    bench.notifier.take(event("end"))
    bench.notifier.work()

    begin, end = bench.got
    assert list(begin) == list(end)
    assert (begin["type"], end["type"]) == (
        "failure" if begin["severity"] == "critical" else "warning",
        "success",
    )
    assert begin["message"] == "Hot. Cool it."
    assert (end["duration"], end["evidence"]) == (30.0, {})


def test_less_severe_ones_are_not_sent() -> None:
    bench = Bench()
    bench.notifier.take(event("begin", severity="info"))
    bench.notifier.work()

    assert bench.got == []


def test_a_storm_is_twenty_messages_and_a_count() -> None:
    """A thousand flaps within ten minutes, then an hour of silence."""
    bench = Bench()
    for number in range(1000):
        bench.clock.now += 0.6
        bench.notifier.take(event("begin" if number % 2 == 0 else "end", number))
        bench.notifier.work()
    assert len(bench.got) == 20
    bench.clock.now += 3600
    bench.notifier.work()

    assert len(bench.got) == 21
    assert bench.got[-1]["title"] == "raspberrypi: and 980 more in the last hour"


def test_what_cannot_be_delivered_is_kept_in_order(caplog: pytest.LogCaptureFixture) -> None:
    """The pauses grow; the log has one line, and nothing of the URL."""
    bench = Bench()
    bench.answer = Answer(False, "the name of the server does not resolve")
    bench.notifier.take(event("begin"))
    bench.notifier.take(event("end"))
    with caplog.at_level(logging.INFO, "pistat"):
        for pause in (0, 10, 60, 600, 3600):
            bench.clock.now += pause
            bench.notifier.work()
            bench.notifier.work()
        assert bench.tries == 5
        bench.answer = Answer(True, "")
        bench.clock.now += 3600
        bench.notifier.work()

    assert [each["state"] for each in bench.got] == ["begin", "end"]
    assert len(caplog.messages) == 2
    assert "secret" not in caplog.text


def test_a_supply_that_flaps_is_one_message() -> None:
    """The whole way from a thousand samples in ten minutes, each the opposite of the one before.

    A finding is over only after a while without what it is about, so it begins once.
    """
    machine = RecordedMachine(BOARDS / "pi4b-8gb")
    monitor = Monitor(machine, 2)
    diagnosis = Diagnosis(monitor, machine, recording=True)
    values: dict[str, Any] = dict(monitor.answer(("power", "uptime", "timestamp")).values)
    with server() as (address, asked):
        target = Target(SCHEMES(f"http://{address}/hook")[0])
        notifier = Notifier([target], diagnosis, machine, "http://pi:8585/", Rules("warning", 0.0))
        diagnosis.announce(notifier.take)
        for number in range(1000):
            machine.now += 0.6
            power = {**values["power"], "under_voltage": number % 2 == 0}
            diagnosis.update(machine.uptime(), machine.time(), {**values, "power": power})
            notifier.work()

    sent = [json.loads(body) for _, _, body in asked]
    assert [each["state"] for each in sent if each["id"] == "power.under_voltage"] == ["begin"]


def test_what_happened_without_a_network_arrives_in_order() -> None:
    """A whole night of it, from the boot on: the last 50 are kept."""
    bench = Bench()
    bench.answer = Answer(False, "the name of the server does not resolve")
    bench.clock.now = 10.0
    for number in range(80):
        bench.clock.now += 300.0
        bench.notifier.take(event("begin" if number % 2 == 0 else "end", number))
        bench.notifier.work()
    bench.answer = Answer(True, "")
    bench.clock.now += 3600.0
    bench.notifier.work()

    assert [each["since"] for each in bench.got] == [
        1_800_000_000.0 + number - (30.0 if number % 2 else 0.0) for number in range(30, 80)
    ]


def test_a_redirect_gets_neither_the_message_nor_the_password() -> None:
    """A server that sends elsewhere is no success, and elsewhere nobody is asked."""
    with server() as (elsewhere, asked), server(307, f"http://{elsewhere}/hook") as (address, first):
        (answer,) = notify.test(SCHEMES(f"http://me:pw@{address}/hook"), "raspberrypi", "http://pi/")

    assert answer == Answer(False, "the server answered 307 Temporary Redirect")
    assert (len(first), asked) == (1, [])


def test_right_after_boot_only_what_lasts_is_sent() -> None:
    bench = Bench()
    bench.clock.now = 30.0
    bench.notifier.take(event("begin"))
    bench.notifier.take(event("end"))
    bench.notifier.take(event("begin"))
    bench.notifier.work()
    assert bench.got == []
    bench.clock.now = 121.0
    bench.notifier.work()

    assert [each["state"] for each in bench.got] == ["begin"]


def test_what_ends_as_the_quiet_ends_begins_first() -> None:
    """The messages are in order, or the last one would say that it is hot when that is over."""
    bench = Bench()
    bench.clock.now = 30.0
    bench.notifier.take(event("begin", 30))
    bench.notifier.work()
    bench.clock.now = 120.5
    bench.notifier.take(event("end", 120))
    bench.notifier.work()

    assert [each["state"] for each in bench.got] == ["begin", "end"]


def test_what_lasts_is_sent_again() -> None:
    bench = Bench(repeat=3600.0)
    bench.notifier.take(event("begin"))
    for _ in range(3):
        bench.notifier.work()
        bench.clock.now += 3600
    assert [each["state"] for each in bench.got] == ["begin"] * 3


def test_a_webhook_gets_json() -> None:
    with server() as (address, asked):
        (answer,) = notify.test(SCHEMES(f"http://me:pw@{address}/api/webhook/x"), "raspberrypi", "http://pi/")
    path, headers, body = asked[0]

    assert answer == Answer(True, "the server answered 200 OK")
    assert (path, headers["Content-Type"]) == ("/api/webhook/x", "application/json")
    assert headers["Authorization"] == "Basic bWU6cHc="
    assert json.loads(body)["state"] == "test"


def test_ntfy_takes_what_it_gets() -> None:
    """It is posted to the root, with the topic in it; with a user, or with a token for a password."""
    with server() as (address, asked):
        for user in ("", "pi:secret", ":tk_secret"):
            at = f"{user}@" if user else ""
            notify.test(SCHEMES(f"ntfy+http://{at}{address}/my-topic"), "raspberrypi", "http://pi/")
            path, headers, body = asked[-1]

            assert ntfy.refusal(path, headers, body, user) == ""
            assert json.loads(body)["topic"] == "my-topic"


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.id)
def test_ntfy_takes_every_finding(finding: Finding) -> None:
    """However long its texts are: a name of a disk that is put into them has 128 characters at most."""
    row = {"text": f"{finding.text} {'é' * 128}", "advice": f"{finding.advice} {'é' * 128}", "evidence": {}}
    with server() as (address, asked):
        url = SCHEMES(f"ntfy+http://{address}/{'x' * 64}")[0]
        for stage in finding.stages:
            for state, duration in (("begin", None), ("end", 3600.0)):
                happened = Event(
                    1.0, 2.0, finding.id, "é" * 128, state, stage.severity.label, finding.title, duration
                )
                notify.post(url, notify.message(happened, row, "x" * 64, f"http://{'x' * 64}:8585/"))

    assert [ntfy.refusal(*each) for each in asked] == [""] * 2 * len(finding.stages)


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_refusal_is_no_success_and_a_redirect_is_not_followed(status: int) -> None:
    with server(status) as (address, asked):
        (answer,) = notify.test(SCHEMES(f"http://{address}/hook"), "raspberrypi", "http://pi/")

    assert not answer.accepted
    assert str(status) in answer.text
    assert len(asked) == 1


def test_faults_of_the_network_are_words_without_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody has, a server that accepts and is silent, and one that speaks no TLS."""
    monkeypatch.setattr(transport, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, server() as (address, _):
        quiet = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hosts = ("http://nobody.invalid", quiet, f"https://{address}", "http://no..name")
        answers = [notify.test(SCHEMES(f"{each}/secret"), "pi", "http://pi/")[0] for each in hosts]

    assert not any(each.accepted for each in answers)
    assert "secret" not in str(answers)
    assert answers[1].text == "no answer within 0.2 s"
    assert answers[2].text == "the TLS handshake failed; the server may not use TLS on this port"
    assert answers[3].text == "the name of the server does not resolve"


@contextmanager
def raw_server(*parts: bytes) -> Iterator[str]:
    """A server that sends the parts of an answer with pauses between them, until nobody takes them."""

    def serve() -> None:
        with listener.accept()[0] as client, suppress(OSError):
            client.settimeout(10.0)
            client.recv(65536)
            for part in parts:
                client.sendall(part)
                time.sleep(0.05)
            client.shutdown(socket.SHUT_WR)
            # What is closed with a rest of the request unread is reset, and the answer may be lost.
            while client.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(20)


DRIPS = [b"HTTP/1.1 200 OK\r\nX: ", *[b"x"] * 200]


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        (DRIPS, Answer(True, "the server answered 200 OK")),
        ([DRIPS[0][:20], *DRIPS[1:]], Answer(True, "the server answered 200 OK")),
        ([DRIPS[0][:12], *DRIPS[1:]], Answer(False, "no answer within 0.5 s")),
        ([b"HTTP/1.1 100 Continue\r\nX: y\r\n", *DRIPS[1:]], Answer(False, "no answer within 0.5 s")),
        (
            [b"HTTP/1.1 103 Early", b" Hints\r\n\r\nHTTP/1.1 204 \r\n"],
            Answer(True, "the server answered 204 No Content"),
        ),
        ([b"SSH-2.0\r\n"], Answer(False, "the exchange failed (BadStatusLine)")),
        ([b"x" * 100_000], Answer(False, "the exchange failed (BadStatusLine)")),
    ],
)
def test_a_server_that_drips(monkeypatch: pytest.MonkeyPatch, parts: list[bytes], answer: Answer) -> None:
    """However slowly an answer comes, the other targets wait for as long as for one that does not come."""
    monkeypatch.setattr(transport, "SECONDS", 0.5)
    with raw_server(*parts) as address:
        assert notify.test(SCHEMES(f"http://{address}/"), "pi", "http://pi/") == [answer]


def test_the_heartbeat_is_silent_while_something_is_critical() -> None:
    """As Uptime Kuma's push takes it: status and sentence in the query."""
    judge: Any = Judge()
    with server() as (address, asked):
        url = SCHEMES(f"http://{address}/api/push/x?status=up&msg={{sentence}}&is={{status}}")[0]
        Heartbeat(url, 60, judge).beat()
        judge.status = "critical"
        Heartbeat(url, 60, judge).beat()

    assert [path for path, _, _ in asked] == ["/api/push/x?status=up&msg=Hot%20%26%20dry%3F&is=warning"]


def test_urls_are_secret() -> None:
    """No text of the settings holds them."""
    settings = Settings(notify=SCHEMES("http://me:pw@host/secret"))

    assert "secret" not in repr(settings)
    assert "secret" not in repr(settings.notify)
    assert "pw" not in repr(settings.notify)
