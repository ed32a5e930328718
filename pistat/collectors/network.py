"""Network interfaces: their counters, their state, their addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Set
from typing import TypeAlias

from pistat.field import (
    Call,
    Derived,
    Field,
    File,
    Kind,
    Reading,
    Unit,
    Values,
    attempted,
    collector,
    first_of,
    incomplete,
)
from pistat.machine import portable
from pistat.machine.machine import Machine
from pistat.machine.network.links import Link
from pistat.machine.network.nl80211 import Station
from pistat.machine.reasons import Reason, Unavailable
from pistat.machine.sampler import Interval
from pistat.parsers import kernel
from pistat.parsers.kernel import Wireless
from pistat.parsers.values import Json, percent

DEV = "/proc/net/dev"
COUNTERS = (
    ("bytes_sent", 8, Unit.BYTES, "Bytes sent since boot, or since the interface was created."),
    ("bytes_recv", 0, Unit.BYTES, "Bytes received."),
    ("packets_sent", 9, Unit.COUNT, "Packets sent."),
    ("packets_recv", 1, Unit.COUNT, "Packets received."),
    ("errin", 2, Unit.COUNT, "Errors on receiving."),
    ("errout", 10, Unit.COUNT, "Errors on sending."),
    ("dropin", 3, Unit.COUNT, "Packets dropped on the way in."),
    ("dropout", 11, Unit.COUNT, "Packets dropped on the way out."),
)
"""Name, column of /proc/net/dev, unit and help of what is counted for an interface."""

COLUMNS = 16
COUNTER = re.compile("[0-9]{1,20}")
"""A column of /proc/net/dev, and how many there are."""

RATES = {
    "recv_rate": "Bytes received a second, over the last seconds; null until they have been read twice.",
    "sent_rate": "Bytes sent a second.",
}

Rows: TypeAlias = "dict[str, dict[str, Json]]"
"""What is told of each interface, by its name."""

NET = "/sys/class/net/*"
TRAFFIC = Call("netlink", shown_in=File(DEV))
NL80211 = Call("nl80211")
WIRELESS = first_of(File("/proc/net/wireless"), NL80211)
RADIOS = (File(f"{NET}/phy80211"), File(f"{NET}/wireless"))
WIFI = "for wireless interfaces"
ROUTE, ROUTE_6 = "/proc/net/route", "/proc/net/ipv6_route"

ETHERNET = 1
"""ARPHRD_ETHER."""

HARDWARE = {
    280: "can",
    **dict.fromkeys((512, 768, 769, 776, 778, 823, 65534), "tunnel"),
    **dict.fromkeys((519, 530), "cellular"),
    772: "loopback",
}
"""Kinds by include/uapi/linux/if_arp.h; 65534 is what has no such addresses: tun and WireGuard."""

TUNNELS = (
    *("tun", "wireguard", "gre", "gretap", "ip6gre", "ip6gretap", "ipip", "sit", "ip6tnl", "vti", "vti6"),
    *("vxlan", "geneve", "erspan", "ip6erspan", "xfrm", "ovpn", "ppp", "gtp", "amt", "bareudp"),
)
DRIVERS = {
    **dict.fromkeys(TUNNELS, "tunnel"),
    **dict.fromkeys(("can", "vcan", "vxcan"), "can"),
    **dict.fromkeys(("wwan", "rmnet"), "cellular"),
    **dict.fromkeys(("bond", "team"), "bond"),
    **{name: name for name in ("bridge", "vlan", "veth")},
    "dsa": "ethernet",
}
"""Kinds by the name of the kernel's driver for virtual interfaces; all others are `other`."""

BEST = 70
"""The best quality of a link, by any driver of cfg80211."""


def traffic_fields(parent: str) -> tuple[Field, ...]:
    """Declare the leaves of every interface, below `parent`, and the count of connections beside them."""
    counters = (
        Field(f"{parent}.{{interface}}.{name}", unit, text, TRAFFIC, kind=Kind.COUNTER)
        for name, _, unit, text in COUNTERS
    )
    rates = (
        Field(f"{parent}.{{interface}}.{name}", Unit.BYTES_PER_SECOND, text, TRAFFIC, kind=Kind.RATE)
        for name, text in RATES.items()
    )
    signal = Field(
        f"{parent}.{{interface}}.signal_strength",
        Unit.DBM,
        "Strength of the signal; nearer 0 is stronger.",
        WIRELESS,
        when=WIFI,
    )
    quality = Field(
        f"{parent}.{{interface}}.link_quality",
        Unit.PERCENT,
        "Quality of the link, as the driver rates it.",
        WIRELESS,
        when=WIFI,
    )
    connections = Field(
        f"{parent}.active_connections",
        Unit.COUNT,
        "Established TCP connections, IPv4 and IPv6; from Linux 6.10 on, half-closed ones too.",
        File("/proc/net/snmp", "CurrEstab"),
    )
    return (*counters, *rates, signal, quality, connections)


def traffic(machine: Machine) -> Rows:
    """Read counters and rates of every interface but loopback, and the signal of the wireless ones."""
    rows, interval = machine.traffic.measure(lambda: table(machine), _totals)
    return _with_signals(machine, _with_rates(rows, interval))


def _totals(rows: Rows) -> dict[str, list[Json]]:
    """Return the counters of each interface that there are rates of, in the order of `RATES`."""
    return {name: [row["bytes_recv"], row["bytes_sent"]] for name, row in rows.items()}


def _with_rates(rows: Rows, interval: Interval) -> Rows:
    for name, row in rows.items():
        row["recv_rate"], row["sent_rate"] = interval.rates(name, (row["bytes_recv"], row["bytes_sent"]))
    return rows


def table(machine: Machine) -> Rows:
    """Return the counters of all interfaces."""
    # Names are bytes to the kernel, and may hold what Unicode takes for a blank or the end of a line.
    lines = os.fsdecode(machine.read_cached_fd(DEV)).rstrip("\n").split("\n")[2:]
    # Copies, for whoever knows more of an interface adds it to its row.
    return {name: {**counters} for name, counters in machine.memo.each_while_same("traffic", lines, _row)}


def _with_signals(machine: Machine, rows: Rows) -> Rows:
    """Return `rows` without that of the loopback, and with how well the wireless ones receive."""
    rows.pop("lo", None)
    radios = machine.memo.while_same("wireless", list(rows), lambda: _wireless(machine, rows))
    known = kernel.wireless(machine.cached_sensor("/proc/net/wireless")) if radios else {}
    usable = {name: row for name, row in known.items() if row.level is not None}
    if radios - usable.keys():
        # The file is gone from newer kernels, some drivers do not fill it, others have units of their own.
        known = {name: _rated(station) for name, station in machine.stations().items()} | usable
    for name in rows.keys() & radios:
        rows[name].update(_signal(known.get(name)))
    return rows


def _row(line: str) -> tuple[str, dict[str, Json]]:
    """Return the name of an interface, and its counters; None for those of a row that is not understood."""
    name, colon, rest = line.partition(":")
    if not colon:
        raise ValueError(line[:64])
    cells = rest.split()
    known = len(cells) >= COLUMNS and all(map(COUNTER.fullmatch, cells))
    return name.lstrip(" "), {leaf: int(cells[column]) if known else None for leaf, column, _, _ in COUNTERS}


def _signal(found: Wireless | None) -> dict[str, Json]:
    if found is None or found.level is None:
        return {"signal_strength": None, "link_quality": None}
    return {"signal_strength": found.level, "link_quality": percent(min(found.link, BEST), BEST)}


def _rated(station: Station) -> Wireless:
    """Rate a link by its signal, as cfg80211 does for the file: -110 dBm is 0, -40 the best."""
    level = station.signal
    return Wireless(0 if level is None else min(max(level + 110, 0), BEST), level)


def _wireless(machine: Machine, names: Iterable[str]) -> Set[str]:
    """Return which of these interfaces are wireless."""
    marks = ("phy80211", "wireless")
    return {name for name in names if any(machine.exists(f"/sys/class/net/{name}/{mark}") for mark in marks)}


def connections(machine: Machine) -> int | None:
    """Return the kernel's own count of established connections: one small file, however many there are."""
    return kernel.established(machine.cached_sensor("/proc/net/snmp"))


def portable_traffic() -> Rows:
    """Read the counters where there is no /proc. Counting connections would need a look at every socket."""
    return portable.interface_counters(name for name, *_ in COUNTERS)


def portable_network(machine: Machine) -> Values:
    """Read the same where there is no /proc."""
    rows, interval = machine.traffic.measure(portable_traffic, _totals)
    return {"network": {**_with_rates(rows, interval), "active_connections": None}}


@collector(*traffic_fields("network"), elsewhere=portable_network, finds=RADIOS, deadline=1.9)
def network(machine: Machine) -> Reading:
    rows, failures = attempted(lambda: traffic(machine), dict[str, dict[str, Json]]())
    return incomplete({"network": {**rows, "active_connections": connections(machine)}}, failures)


PLACES = ("kind", "master", "physical", "default_route")
"""What only Linux says of the place of an interface."""


def portable_interfaces(machine: Machine) -> Values:
    """Read the same where there is no /sys."""
    found, interval = machine.traffic.measure(
        lambda: portable.links(name for name, *_ in COUNTERS), lambda links: _totals(_counters(links))
    )
    rows = _with_rates(_counters(found), interval)
    for name, row in rows.items():
        row.update(_link(found[name]))
        row.update(dict.fromkeys(PLACES))
    return {"interfaces": {**rows, "active_connections": None}}


def _no_link(machine: Machine) -> Unavailable | None:
    """Return why no link has a speed: without a link, drivers refuse to answer or report -1."""
    folder = "/sys/class/net"
    speeds = (kernel.whole(machine.sensor(f"{folder}/{name}/speed")) for name in machine.names(folder))
    if any(speeds):
        return None
    return Unavailable(Reason.NO_VALUE, "No wired interface has a link.")


def _hidden(machine: Machine) -> Unavailable | None:
    """Return why the name of the network is not shown."""
    return (
        None if machine.show_ssid else Unavailable(Reason.HIDDEN, "Set `PISTAT_SHOW_SSID=true` to show it.")
    )


@collector(
    *traffic_fields("interfaces"),
    Field(
        "interfaces.{interface}.addresses[address]",
        Unit.TEXT,
        "IPv4 and IPv6 addresses with prefix length.",
        Call("netlink"),
    ),
    Field(
        "interfaces.{interface}.mac",
        Unit.TEXT,
        "Hardware address.",
        Call("netlink", shown_in=File(f"{NET}/address")),
    ),
    Field(
        "interfaces.{interface}.is_up",
        Unit.FLAG,
        "Whether the link is up.",
        Call("netlink", shown_in=File(f"{NET}/operstate")),
    ),
    Field(
        "interfaces.{interface}.speed",
        Unit.MEGABIT_PER_SECOND,
        "Speed of a wired link; null without a link, and for wireless.",
        Call("ethtool", shown_in=File(f"{NET}/speed")),
        unless=_no_link,
    ),
    Field(
        "interfaces.{interface}.mtu",
        Unit.BYTES,
        "Largest packet.",
        Call("netlink", shown_in=File(f"{NET}/mtu")),
    ),
    Field(
        "interfaces.{interface}.kind",
        Unit.TEXT,
        "What it is: ethernet, wifi, bridge, vlan, bond, tunnel, veth, cellular, can or other.",
        Call("netlink", shown_in=File(f"{NET}/type")),
    ),
    Field(
        "interfaces.{interface}.master",
        Unit.TEXT,
        "The bridge or bond that it belongs to, which counts the same packets again.",
        Call("netlink"),
    ),
    Field(
        "interfaces.{interface}.physical",
        Unit.FLAG,
        "Whether it is a real device, whose packets are not also counted by another interface.",
        Derived("whether there is /sys/class/net/*/device"),
    ),
    Field(
        "interfaces.{interface}.default_route",
        Unit.FLAG,
        "Whether it is used to reach the Internet, by IPv4 or IPv6.",
        first_of(File(ROUTE), File(ROUTE_6)),
    ),
    Field(
        "interfaces.{interface}.ssid",
        Unit.TEXT,
        "Name of the network; null unless `PISTAT_SHOW_SSID` is on.",
        NL80211,
        when=WIFI,
        unless=_hidden,
    ),
    Field(
        "interfaces.{interface}.frequency", Unit.MEGAHERTZ, "Frequency of its channel.", NL80211, when=WIFI
    ),
    Field(
        "interfaces.{interface}.bit_rate",
        Unit.BITS_PER_SECOND,
        "Current speed of sending.",
        NL80211,
        when=WIFI,
    ),
    Field(
        "interfaces.{interface}.power_save",
        Unit.FLAG,
        "Whether its radio sleeps between packets, which delays what arrives; looked at once a minute.",
        NL80211,
        when=WIFI,
    ),
    elsewhere=portable_interfaces,
    finds=(*RADIOS, File(f"{NET}/device"), File(f"{NET}/uevent")),
    deadline=1.9,
)
def interfaces(machine: Machine) -> Reading:
    rows, failures = attempted(lambda: _interfaces(machine), dict[str, dict[str, Json]]())
    return incomplete({"interfaces": {**rows, "active_connections": connections(machine)}}, failures)


def _interfaces(machine: Machine) -> Rows:
    """Return all that is known of each interface. Raises OSError."""
    stamp = machine.network_stamp()
    links, interval = machine.traffic.measure(machine.links, lambda links: _totals(_counters(links)))
    rows = _with_signals(machine, _with_rates(_counters(links), interval))
    radios = [name for name, row in rows.items() if "signal_strength" in row]
    stations = machine.stations() if radios else {}
    places = _places(machine, stamp, links, radios)
    for name, row in rows.items():
        row.update(_link(links[name]))
        row.update(places[name])
    sleeping = machine.memo.for_a_minute("power saving", machine.power_saving) if radios else {}
    for name in radios:
        rows[name].update(_network(machine, stations.get(name)))
        rows[name]["power_save"] = sleeping.get(name)
    return rows


def _counters(links: Mapping[str, Link]) -> Rows:
    return {name: link.counters for name, link in links.items()}


def _places(machine: Machine, stamp: object, links: Mapping[str, Link], radios: list[str]) -> Rows:
    """Return the place of each interface; looked for again when the kernel announces a change."""
    routes = _default_routes(machine, stamp)

    def look() -> Rows:
        return {
            name: {
                **_place(machine, name, link, is_radio=name in radios),
                "default_route": _leads(routes, name),
            }
            for name, link in links.items()
        }

    return machine.memo.while_same("places of interfaces", (stamp, tuple(links), radios, routes), look)


def _place(machine: Machine, name: str, link: Link, *, is_radio: bool) -> dict[str, Json]:
    """Return what an interface is, what it is a part of, and whether a device stands behind it."""
    folder = f"/sys/class/net/{name}"
    physical = machine.exists(f"{folder}/device") if machine.exists(folder) else None
    return {
        "kind": "wifi" if is_radio else _kind(machine, folder, link, physical=physical),
        "master": link.master,
        "physical": physical,
    }


def _kind(machine: Machine, folder: str, link: Link, *, physical: bool | None) -> str | None:
    """Return what an interface is, by its driver, else by its kind of hardware addresses."""
    if link.driver:
        return DRIVERS.get(link.driver, "other")
    if link.hardware is None:
        return None
    if "DEVTYPE=wwan" in machine.sensor(f"{folder}/uevent"):
        return "cellular"
    if link.hardware == ETHERNET:
        return "other" if physical is False else "ethernet"
    return HARDWARE.get(link.hardware, "other")


Routes: TypeAlias = "tuple[set[str] | None, set[str] | None]"
"""The interfaces to which default routes of IPv4 and of IPv6 lead; None where nobody knows."""


def _default_routes(machine: Machine, stamp: object) -> Routes:
    """Return where the default routes lead; read again when the kernel announces a change."""
    try:
        return machine.memo.while_same("default routes", stamp, lambda: _read_default_routes(machine))
    except OSError:
        return None, None


def _read_default_routes(machine: Machine) -> Routes:
    """Read where the default routes lead. Raises OSError."""
    return (
        kernel.default_routes(machine.cached_text_or_none(ROUTE) or ""),
        kernel.default_routes_6(machine.cached_text_or_none(ROUTE_6) or ""),
    )


def _leads(routes: Routes, name: str) -> bool | None:
    """Return whether a default route leads to an interface; None if that is not known."""
    if any(name in found for found in routes if found):
        return True
    return None if None in routes else False


def _network(machine: Machine, station: Station | None) -> dict[str, Json]:
    """Return what a wireless interface is connected to."""
    if station is None:
        return {"ssid": None, "frequency": None, "bit_rate": None}
    return {
        "ssid": station.ssid if machine.show_ssid else None,
        "frequency": None if station.frequency is None else float(station.frequency),
        "bit_rate": station.bit_rate,
    }


def _link(link: Link) -> dict[str, Json]:
    """Return the state of one interface."""
    return {
        "addresses": [*link.addresses],
        "mac": link.mac,
        "is_up": link.is_up,
        "speed": kernel.link_speed(link.speed),
        "mtu": link.mtu,
    }
