"""The kernel's lists of interfaces and addresses: in a network of our own, they are what was set up there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pistat.machine.network import links
from support.daemon import PROGRAM, has_ipv6

if TYPE_CHECKING:
    from support.require import Require

LINKS = """
import json
from pistat.machine.network import links
print(json.dumps(links.Interfaces().links()))
"""

SPEEDS = """
import json, psutil
from pathlib import Path
from pistat.machine.network import links
from pistat.parsers import kernel

def file(name):
    try:
        return int(Path(f"/sys/class/net/{name}/speed").read_text())
    except OSError:
        return None

states = psutil.net_if_stats()
print(json.dumps({
    name: [kernel.link_speed(link.speed), kernel.link_speed(file(name)), states[name].speed or None]
    for name, link in links.Interfaces().links().items() if link.is_up
}))
"""
"""The speed of each interface that is up, by our way, by the file of it, and by psutil."""

CHANGES = """
import json, subprocess
from pistat.machine.network import links

known = links.Interfaces()

def look():
    # The kernel has packets of its own to send: both are asked at a moment without any.
    while True:
        before, theirs, after = links.Interfaces().links(), known.links(), links.Interfaces().links()
        if before == after:
            return [theirs, after]

told = [look()]
for change in (
    "link set one mtu 1400",
    "link set two address 02:00:00:00:00:0a",
    "address add 192.0.2.8/24 dev one",
    "address replace 192.0.2.7/24 dev one valid_lft 100 preferred_lft 100",
    "address delete 192.0.2.7/24 dev one",
    "link set one name other",
    "link set two down",
    "link delete two",
    "link add name new index 70 type veth peer name two index 72",
):
    subprocess.run(["ip", *change.split()], check=True)
    told.append(look())
print(json.dumps(told))
"""
"""All interfaces before and after some changes, for one who knows them and for one who does not."""

COUNTERS = """
import json, socket
from pistat.collectors import network
from pistat.machine.machine import Machine

machine = Machine()
table = network.traffic(machine)
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as frames:
    frames.bind(("one", 0))
    while table["two"]["dropin"] < 7:
        frames.send(bytes(12) + bytes.fromhex("88b5") + bytes(100))
        table = network.traffic(machine)
while table["two"]["dropin"] < table["one"]["packets_sent"]:
    table = network.traffic(machine)
listed = {name: link.counters for name, link in machine.links().items()}
print(json.dumps([table, listed, network.portable_traffic()]))
"""
"""What was counted after frames that nobody wants, by the table, by the list, and by psutil."""


@pytest.fixture
def root(require: Require) -> None:
    require(hasattr(os, "geteuid") and os.geteuid() == 0, "root", installed=False)
    require(shutil.which("unshare") is not None, "unshare")
    require(shutil.which("ip") is not None, "ip")


def told(*commands: str, program: str = LINKS) -> Any:
    """What `program` tells in a new network after `commands`."""
    script = " && ".join(["mount -t sysfs sysfs /sys", *commands, f"{sys.executable} -c '{program}'"])
    finished = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", script],
        cwd=PROGRAM.parent,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return json.loads(finished.stdout)


def test_an_interface_is_told_as_it_was_set_up(root: None, require: Require) -> None:
    """State, hardware address, largest packet, and addresses: IPv4 first, under the name of the interface."""
    require(has_ipv6(), "IPv6", installed=False)
    found = told(
        "ip link add name one type veth peer name two",
        "ip link set one address 02:00:00:00:00:0a mtu 1400 up",
        "ip link set two up",
        "ip address add 2001:db8::7/64 dev one nodad",
        "ip address add 192.0.2.7/24 dev one",
        "ip address add 192.0.2.8/32 dev one label one:0",
    )["one"]

    is_up, mac, mtu, _, addresses, *_ = found
    assert [is_up, mac, mtu] == [True, "02:00:00:00:00:0a", 1400]
    assert addresses[:2] == ["192.0.2.7/24", "192.0.2.8/32"]
    assert "2001:db8::7/64" in addresses[2:]


def test_an_interface_without_a_link(root: None) -> None:
    """One that is set up is still down without a link; without addresses there are none."""
    found = told("ip link add name one type veth peer name two", "ip link set one up")

    assert [(found[name][0], found[name][4]) for name in ("one", "two")] == [(False, [])] * 2


@pytest.mark.parametrize("state", ["up", "down"])
def test_an_interface_that_keeps_no_state(root: None, state: str) -> None:
    """Where the driver does not know of links, an interface is what it was set to."""
    found = told(f"ip link set lo {state}")

    assert found["lo"][0] is (state == "up")


def test_the_own_address_of_a_tunnel(root: None) -> None:
    """Of the two ends of a point-to-point link, ours is told."""
    found = told("ip link set lo up", "ip address add 192.0.2.1 peer 192.0.2.2/32 dev lo")

    assert "192.0.2.1/32" in found["lo"][4]
    assert "192.0.2.2/32" not in found["lo"][4]


def test_more_interfaces_than_fit_into_one_message(root: None) -> None:
    """A list that comes in many pieces is told in full."""
    found = told(
        "for n in $(seq 100); do echo link add name many$n type bridge;"
        " echo address add 198.51.100.$n/32 dev many$n; done | ip -batch -"
    )

    assert {name: found[name][4] for name in found if name.startswith("many")} == {
        f"many{number}": [f"198.51.100.{number}/32"] for number in range(1, 101)
    }


def test_a_speed_is_that_of_the_file(root: None) -> None:
    """Speeds are those in /sys and those of psutil; a bridge has that of its port, a loopback has none."""
    found = told(
        "ip link set lo up",
        "ip link add name one type veth peer name two",
        "ip link add name wide type bridge forward_delay 0",
        "ip link set two master wide",
        *(f"ip link set {name} up" for name in ("one", "two", "wide")),
        "cd /sys/class/net",
        "while grep -qv up one/operstate two/operstate wide/operstate; do sleep 0.05; done",
        f"cd {PROGRAM.parent}",
        program=SPEEDS,
    )

    assert all(ours == file == psutil for ours, file, psutil in found.values()), found
    assert {name: speed for name, (speed, _, _) in found.items()} == {
        "lo": None,
        "one": 10_000,
        "two": 10_000,
        "wide": 10_000,
    }


def test_what_changes_is_told_as_it_is_now(root: None) -> None:
    """Who has looked before sees the same as who looks for the first time, whatever has happened between."""
    for before, after in told(
        "ip link set lo up",
        "ip link add name one index 70 type veth peer name two index 71",
        "ip link set one up",
        "ip link set two up",
        "ip address add 192.0.2.7/24 dev one",
        program=CHANGES,
    ):
        assert before == after


def test_counters_are_those_of_the_table(root: None) -> None:
    """What is counted is that of /proc/net/dev and that of psutil, for each interface."""
    table, listed, psutil = told(
        "ip link add name one type veth peer name two",
        *(f"ip link set {name} addrgenmode none up" for name in ("one", "two")),
        program=COUNTERS,
    )
    del listed["lo"]
    for row in (*table.values(), *listed.values(), *psutil.values()):
        for rate in ("recv_rate", "sent_rate"):
            row.pop(rate, None)

    assert listed == table == psutil
    sent = listed["one"]["packets_sent"]
    assert sent == listed["two"]["packets_recv"] == listed["two"]["dropin"] >= 7
    assert listed["one"]["bytes_sent"] == sent * 114


def test_drops_for_want_of_a_buffer() -> None:
    """What the kernel counts apart is one column of the table: each number goes where it belongs."""
    told = links.COUNTERS.pack(10, 20, 30, 40, 50, 60, 70, 80, 900)

    assert links.counters(b"head" + told, 4) == {
        "packets_recv": 10,
        "packets_sent": 20,
        "bytes_recv": 30,
        "bytes_sent": 40,
        "errin": 50,
        "errout": 60,
        "dropin": 970,
        "dropout": 80,
    }
