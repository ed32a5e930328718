"""A real broker, Mosquitto: what it is told, and what happens when it goes away, refuses, or hangs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pistat.diagnosis.report import Diagnosis
from pistat.monitor.monitor import Monitor
from pistat.outbound import broker, mqtt
from pistat.outbound.broker import BrokerError, Connection
from pistat.settings import broker as broker_url
from support.daemon import PROGRAM, Daemon, clean_environment
from support.programs.certificates import authority, certificate
from support.programs.mosquitto import MOSQUITTO, Mosquitto, Subscriber
from support.recorded_machine import BOARDS, RecordedMachine
from support.waiting import eventually

if TYPE_CHECKING:
    from support.require import Require

Start = Callable[..., Daemon]


@pytest.fixture(autouse=True)
def _broker_is_there(require: Require) -> None:
    require(MOSQUITTO is not None, "mosquitto")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as found:
        yield found


def lines(daemon: Daemon) -> list[str]:
    """What it has logged of MQTT."""
    return [line for line in daemon.log().splitlines() if "MQTT" in line]


def refused(why: str) -> str:
    """The one line that tells why there is no connection."""
    return f"WARNING MQTT: {why}; it is tried again until it succeeds."


def forget(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), "--mqtt-forget"],
        env=clean_environment({"PISTAT_MQTT_URL": url}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_everything_arrives_and_a_clean_stop_says_so(start: Start, mosquitto: Mosquitto) -> None:
    """The device, then the figures, then `online`; `offline` at the end; nothing after --mqtt-forget."""
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    with Subscriber(mosquitto.port) as seen:
        daemon = start(PISTAT_MQTT_URL=url, PISTAT_MQTT_SECONDS="10")
        assert seen.saw("/availability", b"online"), daemon.log()
        order = [topic.rpartition("/")[2] for _, topic, _, _ in seen.messages]
        [state] = [json.loads(each) for each in seen.payloads("/state")[:1]]
        [config] = [json.loads(each) for each in seen.payloads("/config")[:1]]

        assert order[:3] == ["config", "state", "diagnosis"]
        assert state["memory"] > 0
        assert set(config["components"]) - {"updates"} == set(state)
        assert json.loads(seen.payloads("/diagnosis")[0])["status"] in {"ok", "info", "warning", "critical"}
        assert len(daemon.json("/stats")) > 10
        assert seen.until(lambda: len(seen.payloads("/state")) >= 2), "it is not published again"

        assert daemon.stop() == 0
        assert seen.saw("/availability", b"offline", 10)

    with Subscriber(mosquitto.port) as later:
        assert later.saw("/state")
        assert {kept for _, topic, _, kept in later.messages} == {True}
    finished = forget(url)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == "The broker has forgotten this machine.\n"
    with Subscriber(mosquitto.port) as afterwards:
        afterwards.publish("end", "x")
        assert afterwards.saw("end")
        assert [topic for _, topic, _, _ in afterwards.messages] == ["end"]
    assert daemon.faults() == []


def test_after_a_kill_the_broker_says_that_it_is_offline(start: Start, mosquitto: Mosquitto) -> None:
    """Long before one and a half keepalives, since the kernel closes the connection."""
    with Subscriber(mosquitto.port) as seen:
        daemon = start(PISTAT_MQTT_URL=f"mqtt://127.0.0.1:{mosquitto.port}")
        assert seen.saw("/availability", b"online")
        daemon.process.send_signal(signal.SIGKILL)

        assert seen.saw("/availability", b"offline", 1.5 * broker.KEEPALIVE)


def test_a_broker_that_comes_late_goes_away_and_comes_back(start: Start, tmp_path: Path) -> None:
    """One line for each change; it is told everything again, for it may have kept nothing."""
    with Mosquitto(tmp_path) as mosquitto:
        mosquitto.end()
        daemon = start(PISTAT_MQTT_URL=f"mqtt://127.0.0.1:{mosquitto.port}")
        assert eventually(lambda: len(lines(daemon)) == 1)
        time.sleep(2.5)
        assert lines(daemon) == [refused("Connection refused")]

        for turn in range(2):
            mosquitto.start()
            with Subscriber(mosquitto.port) as seen:
                assert seen.saw("/availability", b"online"), daemon.log()
                assert seen.saw("/config")
            assert len(lines(daemon)) == 2 + 2 * turn
            mosquitto.end()
            assert eventually(lambda: len(lines(daemon)) == 3 + 2 * turn)  # noqa: B023 - called now
        assert daemon.json("/health")["status"] == "healthy"


def test_a_wrong_password_is_one_line(start: Start, tmp_path: Path) -> None:
    with Mosquitto(tmp_path, users={"pi": "right"}) as mosquitto:
        wrong = start(PISTAT_MQTT_URL=f"mqtt://pi:secret-one@127.0.0.1:{mosquitto.port}")
        # It has tried at least twice by then.
        assert eventually(lambda: mosquitto.log().count("not authori") >= 2, 40), mosquitto.log()
        assert lines(wrong) == [refused("the broker refused the user name or the password")]
        assert "secret-one" not in wrong.log()

        start(PISTAT_MQTT_URL=f"mqtt://pi:right@127.0.0.1:{mosquitto.port}")
        with Subscriber(mosquitto.port, "pi", "right") as seen:
            assert seen.saw("/availability", b"online")


def test_home_assistant_is_told_again_after_its_start(start: Start, mosquitto: Mosquitto) -> None:
    with Subscriber(mosquitto.port) as seen:
        start(PISTAT_MQTT_URL=f"mqtt://127.0.0.1:{mosquitto.port}", PISTAT_MQTT_SECONDS="3600")
        assert seen.saw("/availability", b"online")
        before = len(seen.payloads("/config"))
        seen.publish("homeassistant/status", "offline")
        seen.publish("homeassistant/status", "online")

        assert seen.until(lambda: len(seen.payloads("/config")) > before)
        assert seen.until(lambda: len(seen.payloads("/availability")) >= 2)


def test_a_broker_that_hangs_keeps_nobody_waiting(start: Start, mosquitto: Mosquitto) -> None:
    """It takes the connection and is silent; the daemon serves, and ends in time."""
    mosquitto.hang(still=True)
    daemon = start(PISTAT_MQTT_URL=f"mqtt://127.0.0.1:{mosquitto.port}")
    expected = [refused("no answer within 5 s")]

    assert eventually(lambda: lines(daemon) == expected), daemon.log()
    assert len(daemon.json("/stats")) > 10
    assert daemon.stop() == 0
    mosquitto.hang(still=False)


def test_a_broker_that_hangs_later_is_given_up(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not answer a ping within the keepalive."""
    monkeypatch.setattr(broker, "KEEPALIVE", 1)
    url = broker_url(f"mqtt://127.0.0.1:{mosquitto.port}")[0]

    def outlasts_it() -> None:
        with Connection(url, "test") as connection:
            mosquitto.hang(still=True)
            for _ in range(100):
                connection.wait(0.5)

    try:
        with pytest.raises(BrokerError, match="the connection to the broker was lost"):
            outlasts_it()
    finally:
        mosquitto.hang(still=False)


def test_a_finding_is_published_at_once(mosquitto: Mosquitto) -> None:
    """Not only when the hour is over."""
    machine = RecordedMachine(BOARDS / "pi4b-8gb")
    monitor = Monitor(machine, 2)
    diagnosis = Diagnosis(monitor, machine, recording=True)
    options = mqtt.Options(broker_url(f"mqtt://127.0.0.1:{mosquitto.port}")[0], 3600, "homeassistant")
    publisher = mqtt.Publisher(options, monitor, diagnosis, machine, "http://pi:8585/")
    values: dict[str, Any] = dict(monitor.answer(("power", "uptime", "timestamp")).values)
    with Subscriber(mosquitto.port) as seen:
        publisher.start()
        try:
            assert seen.saw("/availability", b"online")
            weak = {**values, "power": {**values["power"], "under_voltage": True}}
            diagnosis.update(1000.0, 1_800_000_000.0, weak)
            assert seen.until(
                lambda: b"The power supply is too weak right now" in seen.payloads("/state")[-1]
            )
        finally:
            publisher.stop(10)
        assert seen.saw("/availability", b"offline")


def test_tls_is_checked(start: Start, tmp_path: Path, require: Require) -> None:
    """A certificate by an authority that the system trusts is taken; another is one line, without secrets."""
    ours, name = authority(tmp_path, require), "localhost"
    with Mosquitto(tmp_path, tls=certificate(ours, name)) as mosquitto:
        url = f"mqtts://pi:secret-one@{name}:{mosquitto.port}"
        stranger = start(PISTAT_MQTT_URL=url)
        expected = refused("the certificate of the server is not by an authority that this machine trusts")
        assert eventually(lambda: lines(stranger) == [expected]), stranger.log()
        assert "secret-one" not in stranger.log()

        friend = start(PISTAT_MQTT_URL=url, SSL_CERT_FILE=str(ours.certificate))
        assert eventually(lambda: lines(friend) == ["INFO MQTT: connected to the broker."]), friend.log()
        assert eventually(lambda: "/availability" in mosquitto.log()), mosquitto.log()
