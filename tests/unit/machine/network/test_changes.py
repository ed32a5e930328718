"""What the kernel announces: in a network of our own, whatever is changed is noticed, and nothing else is."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pistat.machine.network.changes import KEEP_SECONDS, Changes
from support.daemon import PROGRAM

if TYPE_CHECKING:
    from support.require import Require

NOTICED = """
import json, subprocess, sys
from pistat.collectors import network
from pistat.machine.machine import Machine
from pistat.machine.network.changes import Changes

def told(machine):
    rows = network.interfaces.collect(machine)["interfaces"]
    del rows["active_connections"]
    return {name: [row[key] for key in ("addresses", "master", "default_route", "speed", "kind")]
            for name, row in rows.items()}

changes, known = Changes(lambda: 0.0), Machine()
unnoticed, different = [], []
for change in sys.stdin.read().splitlines():
    before = changes.stamp()
    subprocess.run(["ip", *change.split()], check=True)
    if changes.stamp() == before:
        unnoticed.append(change)
    while True:
        first, ours, second = told(Machine()), told(known), told(Machine())
        if first == second:
            break
    if ours != first:
        different.append([change, ours, first])
print(json.dumps([unnoticed, different]))
"""
"""Makes changes one by one; what was not noticed, and what one who has looked before sees differently."""

CHANGES = """\
link set one up
link set two up
address add 192.0.2.7/24 dev one
address add 192.0.2.8/24 dev one
address delete 192.0.2.8/24 dev one
route add default via 192.0.2.1 dev one
route add default via 192.0.2.2 dev one metric 7
route delete default via 192.0.2.1 dev one
link set one down
link set one up
route add default via 192.0.2.1 dev one
address delete 192.0.2.7/24 dev one
address add 192.0.2.7/24 dev one
-6 route add default dev two
-6 route delete default dev two
link add name wide type bridge
link set two master wide
link set two nomaster
link set two name other
link delete wide
link delete one
link add name one type veth peer name three
"""


NEXT_HOPS = """\
link set one up
link set two up
address add 192.0.2.7/24 dev one
nexthop add id 5 via 192.0.2.1 dev one
route add default nhid 5
nexthop delete id 5
-6 nexthop add id 6 dev two
-6 route add default nhid 6
-6 nexthop delete id 6
"""
"""With a next hop that goes, its routes go unannounced."""


def in_a_network(program: str, text: str = "") -> Any:
    """What `program` prints in a network of its own with a pair of links, told `text`."""
    lines = [
        "mount -t sysfs sysfs /sys",
        "ip link set lo up",
        "ip link add name one type veth peer name two",
        # Without addresses that the kernel would make, test and announce by itself.
        "ip link set one addrgenmode none",
        "ip link set two addrgenmode none",
        f"exec {sys.executable} -c '{program}'",
    ]
    finished = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", " && ".join(lines)],
        cwd=PROGRAM.parent,
        capture_output=True,
        input=text,
        check=True,
        text=True,
        timeout=120,
    )
    return json.loads(finished.stdout)


@pytest.fixture
def root(require: Require) -> None:
    require(hasattr(os, "geteuid") and os.geteuid() == 0, "root", installed=False)
    require(shutil.which("unshare") is not None, "unshare")
    require(shutil.which("ip") is not None, "ip")


def test_every_change_is_noticed(root: None) -> None:
    """Who has looked before sees addresses and routes as who has not."""
    assert in_a_network(NOTICED, CHANGES) == [[], []]


def test_a_next_hop_that_goes_is_noticed(root: None, require: Require) -> None:
    """Its routes go without a word."""
    asked = subprocess.run(["ip", "nexthop", "list"], check=False, capture_output=True, text=True)
    require(asked.returncode == 0, "a kernel with next hops", installed=False)
    assert in_a_network(NOTICED, NEXT_HOPS) == [[], []]


FLOOD = """
import json, subprocess
from pistat.machine.network.changes import Changes

changes = Changes(lambda: 0.0)
found = []
for verb in ("add", "delete"):
    lines = [f"address {verb} 198.51.100.{number}/32 dev one\\n" for number in range(200)]
    before = changes.stamp()
    subprocess.run(["ip", "-batch", "-"], input="".join(lines), text=True, check=True)
    after = changes.stamp()
    found.append([after != before, changes.stamp() == after])
print(json.dumps(found))
"""


def test_more_announcements_than_there_is_room_for(root: None) -> None:
    """Those that were lost count as a change, once; and the next ones are heard again."""
    assert in_a_network(FLOOD) == [[True, True], [True, True]]


def test_a_minute_without_a_change() -> None:
    """What is announced by no driver is looked at again in time."""
    now = [0.0]
    changes = Changes(lambda: now[0])
    first = changes.stamp()
    now[0] = KEEP_SECONDS

    assert changes.stamp() != first


def test_nothing_to_listen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sandbox without announcements everything may have changed at any time; nothing is left open."""

    def refused(kernel: socket.socket, address: object) -> None:
        opened.append(kernel)
        raise PermissionError

    opened: list[socket.socket] = []
    monkeypatch.setattr(socket.socket, "bind", refused)
    changes = Changes(lambda: 0.0)

    assert len({changes.stamp() for _ in range(3)}) == 3
    assert [kernel.fileno() for kernel in opened] == [-1] * 3
