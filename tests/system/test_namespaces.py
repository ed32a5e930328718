"""Right on machines that this one is not: made of mounts and networks of our own, by this kernel."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pistat.collectors.network import interfaces
from pistat.machine.machine import Machine
from support import namespaces
from support.daemons import as_nobody
from support.waiting import eventually

if TYPE_CHECKING:
    from support.require import Require


@pytest.fixture
def network(require: Require) -> Iterator[None]:
    """A network of our own."""
    require(shutil.which("ip") is not None, "iproute2")
    require(namespaces.possible(), "root", installed=False)
    with namespaces.own_network():
        yield


@pytest.fixture
def mounts(require: Require) -> Iterator[None]:
    """Mounts of our own."""
    require(namespaces.possible(), "root", installed=False)
    with namespaces.own_mounts():
        yield


def ip(command: str) -> bool:
    """Run `ip`; return whether this kernel can do that."""
    return subprocess.run(["ip", *command.split()], capture_output=True, check=False).returncode == 0


def rows() -> dict[str, Any]:
    """What is told of each interface."""
    found = interfaces.collect(Machine())["interfaces"]  # type: ignore[index]
    return {name: row for name, row in found.items() if name != "active_connections"}


# What an interface is

KINDS = {
    "bridge": ("link add x type bridge", "bridge"),
    "bond": ("link add x type bond", "bond"),
    "team": ("link add x type team", "bond"),
    "veth": ("link add x type veth peer name y", "veth"),
    "vlan": ("link add link y name x type vlan id 7", "vlan"),
    "macvlan": ("link add link y name x type macvlan", "other"),
    "ipvlan": ("link add link y name x type ipvlan", "other"),
    "dummy": ("link add x type dummy", "other"),
    "ifb": ("link add x type ifb", "other"),
    "vrf": ("link add x type vrf table 10", "other"),
    "tun": ("tuntap add x mode tun", "tunnel"),
    "tap": ("tuntap add x mode tap", "tunnel"),
    "wireguard": ("link add x type wireguard", "tunnel"),
    "gre": ("link add x type gre local 192.0.2.1 remote 192.0.2.2", "tunnel"),
    "gretap": ("link add x type gretap local 192.0.2.1 remote 192.0.2.2", "tunnel"),
    "ipip": ("link add x type ipip local 192.0.2.1 remote 192.0.2.2", "tunnel"),
    "sit": ("link add x type sit local 192.0.2.1 remote 192.0.2.2", "tunnel"),
    "ip6tnl": ("link add x type ip6tnl local 2001:db8::1 remote 2001:db8::2", "tunnel"),
    "vti": ("link add x type vti local 192.0.2.1 remote 192.0.2.2", "tunnel"),
    "vxlan": ("link add x type vxlan id 5 dstport 4789 local 192.0.2.1 remote 192.0.2.2", "tunnel"),
    "geneve": ("link add x type geneve id 5 remote 192.0.2.2", "tunnel"),
    "vcan": ("link add x type vcan", "can"),
}
"""How an interface `x` of each kind is made, above `y` where it takes one, and what it is then."""


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("name", KINDS)
def test_kind(name: str, require: Require) -> None:
    """A virtual interface is what it was made as, and no device stands behind it."""
    command, kind = KINDS[name]
    if "link y" in command:
        assert ip("link add y type veth peer name z")
    require(ip(command), f"a kernel with {name}", installed=False)

    row = rows()["x"]

    assert (row["kind"], row["physical"], row["master"]) == (kind, False, None)
    assert row["default_route"] is False


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("master", ["bridge", "bond"])
def test_master(master: str, require: Require) -> None:
    """What is a part of a bridge or a bond names it, as long as it is a part."""
    assert ip("link add part type veth peer name y")
    require(ip(f"link add whole type {master}"), f"a kernel with {master}", installed=False)
    assert ip("link set part master whole")

    inside = rows()
    assert ip("link set part nomaster")
    outside = rows()

    assert (inside["part"]["master"], inside["whole"]["master"], inside["y"]["master"]) == (
        "whole",
        None,
        None,
    )
    assert inside["whole"]["kind"] == master
    assert outside["part"]["master"] is None


@pytest.mark.usefixtures("network")
def test_no_packet_is_counted_twice() -> None:
    """A bridge and its part count the same packet; of those without a master, only one counts it."""
    for command in (
        "link add br0 type bridge",
        "link add port type veth peer name far",
        "link set port master br0",
        "addr add 192.0.2.1/24 dev br0",
        *(f"link set {name} up" for name in ("br0", "port", "far")),
        "neigh add 192.0.2.2 lladdr 02:00:5e:00:00:02 dev br0",
    ):
        assert ip(command), command
    there = ("192.0.2.2", 9)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        # Until the bridge has noticed that its port is up, it drops what is sent.
        first = rows()["br0"]["bytes_sent"]
        assert eventually(
            lambda: sender.sendto(bytes(1000), there) == 1000 and rows()["br0"]["bytes_sent"] >= first + 1000
        )
        before = rows()
        for _ in range(50):
            sender.sendto(bytes(1000), there)
        after = rows()

    sent = {name: row["bytes_sent"] - before[name]["bytes_sent"] for name, row in after.items()}
    own = {name for name, row in after.items() if row["master"] is None}

    assert own == {"br0", "far"}
    assert 50 * 1000 < sent["br0"] <= sent["port"] < 100 * 1000
    assert sent["far"] < 1000 * 10


@pytest.mark.usefixtures("network")
def test_default_route() -> None:
    """It is where the Internet is, by IPv4 or IPv6; a route that refuses is none, nor is one to a network."""
    addresses = {"four": "192.0.2.1/24", "six": "2001:db8::1/64 nodad", "other": "198.51.100.1/24"}
    for name, address in addresses.items():
        assert ip(f"link add {name} type veth peer name {name}2")
        assert ip(f"addr add {address} dev {name}")
        assert ip(f"link set {name} up")
        assert ip(f"link set {name}2 up")
    assert ip("route add 203.0.113.0/24 via 198.51.100.2")
    assert ip("route add unreachable default metric 9999")
    assert not any(row["default_route"] for row in rows().values())

    assert ip("route add default via 192.0.2.2")
    assert ip("-6 route add default via 2001:db8::2")

    assert {name for name, row in rows().items() if row["default_route"]} == {"four", "six"}


def test_what_stands_behind_the_interfaces_of_this_machine() -> None:
    """`physical` is what /sys says, for each interface here, whatever it is called."""
    for name, row in rows().items():
        folder = f"/sys/class/net/{name}"
        # /sys may be that of another network.
        known = os.path.exists(f"{folder}/device") if os.path.exists(folder) else None
        assert row["physical"] is known, name


# What /proc shows


def mount(source: bytes, target: bytes, kind: bytes | None, flags: int, options: bytes | None) -> None:
    namespaces.call(namespaces.libc.mount(source, target, kind, flags, options))


MS_BIND = 4096


@pytest.mark.usefixtures("mounts")
def test_uptime_that_lxcfs_shows(tmp_path: Path, require: Require) -> None:
    """With a file mounted over /proc/uptime, as lxcfs does, `uptime` is that which the program shows."""
    require(shutil.which("uptime") is not None, "procps")
    (tmp_path / "uptime").write_text("1425.33 2801.10\n")
    mount(str(tmp_path / "uptime").encode(), b"/proc/uptime", None, MS_BIND, None)
    shown = subprocess.run(["uptime", "-p"], capture_output=True, text=True, check=True).stdout

    found = subprocess.run(
        [sys.executable, as_nobody.__file__, "/stats?fields=uptime,boot_time,timestamp"],
        capture_output=True,
        text=True,
        check=True,
    )
    [stats] = json.loads(found.stdout)

    assert shown == "up 23 minutes\n"
    assert 1425 <= stats["uptime"] < 1425 + 60
    assert abs(stats["timestamp"] - stats["uptime"] - stats["boot_time"]) < 1


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (b"hidepid=2", "/etc/fstab"),
        (b"hidepid=1", "/etc/fstab"),
        (b"hidepid=2,gid=4", "sudo usermod -aG adm nobody"),
        (b"hidepid=2,gid=65534", None),
        (b"hidepid=0", None),
    ],
)
def test_processes_that_are_hidden(options: bytes, remedy: str | None) -> None:
    """With hidepid the list has the processes of one user, and /capabilities says so, and what to do."""
    mount(b"proc", b"/proc", b"proc", 0, options)

    found = subprocess.run(
        [sys.executable, as_nobody.__file__, "/processes?limit=10000", "/capabilities"],
        capture_output=True,
        text=True,
        check=True,
    )
    processes, told = json.loads(found.stdout)
    users = {row["user"] for row in processes["processes"]}
    reasons = {
        (row["available"], row["reason"])
        for row in told["capabilities"]
        if row["field"].startswith("processes[row]")
    }
    remedies = [each for each in told["remedies"] if "hidepid" in each]

    if remedy:
        assert users == {"nobody"}
        assert reasons == {(True, "partial")}
        assert [remedy in each for each in remedies] == [True]
    else:
        assert "root" in users
        assert reasons == {(True, None)}
        assert remedies == []
