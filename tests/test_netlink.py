"""The kernel's lists of interfaces and addresses: in a network of our own, they are what was set up there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from daemon import PROGRAM, has_ipv6

from pistat import netlink

if TYPE_CHECKING:
    from needs import Need

TELL = f"{sys.executable} -c 'import json; from pistat import netlink; print(json.dumps(netlink.links()))'"


@pytest.fixture
def root(need: Need) -> None:
    need(hasattr(os, "geteuid") and os.geteuid() == 0, "root", installed=False)
    need(shutil.which("unshare") is not None, "unshare")
    need(shutil.which("ip") is not None, "ip")


def told(*commands: str) -> dict[str, Any]:
    """What is told in a new network after `commands`."""
    script = " && ".join([*commands, TELL])
    finished = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        cwd=PROGRAM.parent,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(finished.stdout)
    return found


def test_an_interface_is_told_as_it_was_set_up(root: None, need: Need) -> None:
    """State, hardware address, largest packet, and addresses: IPv4 first, under the name of the interface."""
    need(has_ipv6(), "IPv6", installed=False)
    found = told(
        "ip link add name one type veth peer name two",
        "ip link set one address 02:00:00:00:00:0a mtu 1400 up",
        "ip link set two up",
        "ip address add 2001:db8::7/64 dev one nodad",
        "ip address add 192.0.2.7/24 dev one",
        "ip address add 192.0.2.8/32 dev one label one:0",
    )["one"]

    *found, addresses = found
    assert found == [True, "02:00:00:00:00:0a", 1400]
    assert addresses[:2] == ["192.0.2.7/24", "192.0.2.8/32"]
    assert "2001:db8::7/64" in addresses[2:]


def test_an_interface_without_a_link(root: None) -> None:
    """One that is set up is still down without a link; without addresses there are none."""
    found = told("ip link add name one type veth peer name two", "ip link set one up")

    assert [(found[name][0], found[name][3]) for name in ("one", "two")] == [(False, [])] * 2


@pytest.mark.parametrize("state", ["up", "down"])
def test_an_interface_that_keeps_no_state(root: None, state: str) -> None:
    """Where the driver does not know of links, an interface is what it was set to."""
    found = told(f"ip link set lo {state}")

    assert found["lo"][0] is (state == "up")


def test_the_own_address_of_a_tunnel(root: None) -> None:
    """Of the two ends of a point-to-point link, ours is told."""
    found = told("ip link set lo up", "ip address add 192.0.2.1 peer 192.0.2.2/32 dev lo")

    assert "192.0.2.1/32" in found["lo"][3]
    assert "192.0.2.2/32" not in found["lo"][3]


def test_more_interfaces_than_fit_into_one_message(root: None) -> None:
    """A list that comes in many pieces is told in full."""
    found = told(
        "for n in $(seq 100); do echo link add name many$n type bridge;"
        " echo address add 198.51.100.$n/32 dev many$n; done | ip -batch -"
    )

    assert {name: found[name][3] for name in found if name.startswith("many")} == {
        f"many{number}": [f"198.51.100.{number}/32"] for number in range(1, 101)
    }


def test_a_question_that_the_kernel_refuses(need: Need) -> None:
    """A refusal is an OSError with the kernel's own number."""
    need(hasattr(socket, "AF_NETLINK"), "netlink", installed=False)
    with (
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as kernel,
        pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)),
    ):
        netlink.ask(kernel, 9999, b"")


class Restless:
    """A kernel whose list changes while it is told, the first times."""

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self.asked = 0

    def send(self, question: bytes) -> None:
        self.asked += 1

    def recv(self, size: int) -> bytes:
        flags = netlink.CHANGED if self.asked <= self.changes else 0
        message = netlink.HEADER.pack(netlink.HEADER.size + 4, 16, flags, 0, 0) + b"%4d" % self.asked
        return message + netlink.HEADER.pack(netlink.HEADER.size, netlink.DONE, flags, 0, 0)


@pytest.mark.parametrize(("changes", "answer"), [(0, b"   1"), (1, b"   2"), (9, b"   3")])
def test_a_list_that_changes_is_asked_for_again(changes: int, answer: bytes) -> None:
    """What was told while the list changed is not used, unless it changes all the time."""
    kernel: Any = Restless(changes)

    assert netlink.ask(kernel, netlink.LINKS, b"") == [answer]
