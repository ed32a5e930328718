"""Findings about the network: the signal of the Wi-Fi, errors, and the speed of a cable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pistat.diagnosis.finding import Finding, Measured, Moment, Severity, Stage, flag, name
from pistat.parsers import revision

INFO, WARNING = Severity.INFO, Severity.WARNING

PHYSICAL = re.compile(r"(?:eth|en|wlan|wl|usb)[a-z0-9]*")
"""Names of interfaces that are devices, and not made of others."""

WIRED = re.compile(r"(?:eth|end|enp|eno|ens|enx)[a-z0-9]*")
WIRELESS = re.compile(r"wl[a-z0-9]*")
BUILT_IN = re.compile(r"(?:eth|end)0")
"""What the socket on the board is called by the kernels of Raspberry Pi OS and Debian."""

COUNTERS = ("errin", "errout", "packets_recv", "packets_sent")
WINDOW = 600.0
FEWEST = 100
VERY_WEAK = -85.0
"""The signal in dBm below which a Wi-Fi connection hardly works."""


def _signals(moment: Moment) -> Measured:
    """Return the signal of each wireless interface that is connected, in dBm."""
    return {
        interface: row["signal_strength"]
        for interface, row in moment.rows("network")
        if row.get("signal_strength") is not None
    }


def _power_save_signals(moment: Moment) -> Measured:
    """Return the signal of each wireless interface whose radio sleeps; 0 dBm, the best, where it does not."""
    return {
        interface: row.get("signal_strength") if row["power_save"] else 0.0
        for interface, row in moment.rows("interfaces")
        if row.get("power_save") is not None
    }


def _error_share(moment: Moment) -> Measured:
    """Return how many of a hundred packets had errors in the last 10 minutes, of each device."""
    assert moment.past is not None
    rows = {interface: row for interface, row in moment.rows("network") if PHYSICAL.fullmatch(interface)}
    shares: dict[str, float | bool | None] = {}
    for counter in COUNTERS:
        moment.past.keep_only(f"{counter} ", rows)
    for interface, row in rows.items():
        errors_in, errors_out, received, sent = (
            _grown(moment, f"{counter} {interface}", row[counter]) for counter in COUNTERS
        )
        packets = received + sent
        shares[interface] = 100.0 * (errors_in + errors_out) / packets if packets >= FEWEST else 0.0
    return shares


def _grown(moment: Moment, counter: str, value: int) -> float:
    """Return by how much a counter has grown in the last 10 minutes; 0 after it was reset."""
    assert moment.past is not None
    window = moment.past.window(counter, value, moment.boot, seconds=WINDOW, step=WINDOW / 10)
    return max(0.0, value - window[0][1])


def _connection(_: Moment, interface: str, __: float) -> dict[str, str]:
    """Return what an owner calls an interface, with its name."""
    kind = "wired network" if WIRED.fullmatch(interface) else "Wi-Fi" if WIRELESS.fullmatch(interface) else ""
    return {"connection": f"The {kind} ({name(interface)})" if kind else name(interface)}


def _wired(moment: Moment) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((interface, row) for interface, row in moment.rows("interfaces") if WIRED.fullmatch(interface))


def _slow(moment: Moment) -> Measured:
    """Return of each wired interface with a link whether it is slower than its cable should allow."""
    gigabit = revision.has_gigabit_ethernet(moment.get("hardware", "type"))
    return {
        interface: row["speed"] <= 10
        or (row["speed"] == 100 and gigabit and BUILT_IN.fullmatch(interface) is not None)
        for interface, row in _wired(moment)
        if row.get("speed") and row.get("is_up")
    }


def _speed(moment: Moment, interface: str, _: float) -> dict[str, str]:
    speed = moment.get("interfaces", interface, "speed")
    gigabit = revision.has_gigabit_ethernet(moment.get("hardware", "type")) and BUILT_IN.fullmatch(interface)
    return {
        **_connection(moment, interface, 0.0),
        "speed": f"{speed}",
        "best": "1,000" if gigabit else "at least 100",
    }


wifi_weak = Finding(
    id="network.wifi_weak",
    reads=("network.{interface}.signal_strength",),
    measure=_signals,
    stages=(Stage(INFO, -75.0, -72.0, hold=600.0), Stage(WARNING, VERY_WEAK, -82.0, hold=600.0)),
    below=True,
    title="The Wi-Fi signal is {strength} ({value:.0f} dBm)",
    text="Your Pi is at the edge of the range of the Wi-Fi ({subject}), so the connection is slow and may drop out.",
    advice="Move the Pi or the router, keep USB 3 disks and metal cases away from it, or use a cable.",
    source="https://github.com/nicolargo/glances/blob/develop/conf/glances.conf",
    basis="Glances: warns at -75 dBm, critical at -85",
    condition="the signal is below -75 dBm (warning: -85)",
    words=lambda _, __, signal: {"strength": "very weak" if signal < VERY_WEAK else "weak"},
    accepts=(-100.0, -30.0),
)

wifi_power_save = Finding(
    id="network.wifi_power_save",
    reads=("interfaces.{interface}.power_save", "interfaces.{interface}.signal_strength"),
    measure=_power_save_signals,
    stages=(Stage(INFO, -70.0, -67.0, hold=600.0),),
    below=True,
    title="The Wi-Fi saves power while its signal is weak",
    text="The Wi-Fi of your Pi ({subject}) sleeps between packets, and with a signal of {value:.0f} dBm it misses some of "
    "them, so your Pi may answer late, or not be found at times.",
    advice="Switch it off and see whether that helps: `sudo iw dev {subject} set power_save off`. To keep it off, set "
    "`wifi.powersave=2` for the connection in NetworkManager.",
    source="https://wireless.docs.kernel.org/en/latest/en/users/documentation/iw.html",
    basis="5 dB above the level at which Glances warns of the signal itself; with a strong signal, power saving does no harm",
    condition="power saving is on while the signal is below -70 dBm",
    accepts=(-100.0, -30.0),
)

errors = Finding(
    id="network.errors",
    reads=tuple(f"network.{{interface}}.{counter}" for counter in COUNTERS),
    measure=_error_share,
    stages=(Stage(INFO, 1.0, 0.5, hold=600.0),),
    title="{connection} has errors",
    text="In the last 10 minutes, {value:.1f} % of the packets were damaged, so the network is slower than it could "
    "be.",
    advice="With a cable, try another one and another socket of the router or switch. On Wi-Fi, move the Pi closer to the "
    "router.",
    source="https://github.com/netdata/netdata/blob/master/src/health/health.d/net.conf",
    basis="netdata: 1 % errors over 10 minutes, of at least 100 packets",
    condition="more than 1 % of at least 100 packets in 10 minutes had errors",
    words=_connection,
    accepts=(0.1, 50.0),
    now=False,
)

slow_link = Finding(
    id="network.slow_link",
    reads=("interfaces.{interface}.speed", "hardware.type"),
    measure=_slow,
    stages=(flag(INFO, hold=300.0),),
    title="The network cable runs at only {speed} Mbit/s",
    text="{connection} could run at {best} Mbit/s, so copying files over the network takes longer than it could.",
    advice="Use a cable with all eight wires (Cat 5e or better), and try another socket of the router or switch. "
    "If the other end only supports 100 Mbit/s, there is nothing to fix.",
    source="https://www.raspberrypi.com/documentation/computers/raspberry-pi.html",
    basis="the Ethernet of the model",
    condition="a wired link at 10 Mbit/s, or at 100 on the built-in socket of a board with gigabit Ethernet",
    words=_speed,
)

FINDINGS = (wifi_weak, wifi_power_save, errors, slow_link)
