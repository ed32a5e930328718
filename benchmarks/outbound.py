"""What MQTT costs beside the rest, without TLS and with it: memory, and CPU time while nobody asks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import measure
import proc
from programs import pi_stat

from support.programs.certificates import authority, certificate
from support.programs.mosquitto import MOSQUITTO, Mosquitto

if TYPE_CHECKING:
    from scenarios import Servers

ROUNDS = 5
"""How many times as long as elsewhere it waits, for it publishes once a minute."""

Results = dict[str, list[float]]
"""By program: percent of a core, RSS and PSS in MiB."""


def outbound(servers: Servers) -> Results:
    """Measure a daemon that sends nothing, one with MQTT and one with MQTT over TLS, at the same time."""
    if MOSQUITTO is None:
        print("  left out: mosquitto is not installed")
        return {}
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, each) for each in ("plain", "tls")]
        for each in folders:
            each.mkdir()
        signer = authority(folders[1], lambda *_, **__: None)
        signed = certificate(signer, "localhost")
        with Mosquitto(folders[0]) as plain, Mosquitto(folders[1], tls=signed) as tls:
            trusted = {"SSL_CERT_FILE": str(signer.certificate)}
            return _compare(
                servers,
                {
                    "without": {},
                    "with MQTT": {"PISTAT_MQTT_URL": f"mqtt://127.0.0.1:{plain.port}"},
                    "with MQTT over TLS": {"PISTAT_MQTT_URL": f"mqtts://localhost:{tls.port}", **trusted},
                },
            )


def _compare(servers: Servers, kinds: dict[str, dict[str, str]]) -> Results:
    programs = [(name, servers.start(pi_stat(name, **settings)), "") for name, settings in kinds.items()]
    percent = measure.over(ROUNDS * servers.pause, programs)
    memory = {name: proc.memory(program.session) for name, program, _ in programs}
    return {name: [percent[name], *memory[name]] for name in kinds}
