"""What the kernel says of a Wi-Fi connection, in its own bytes, and the leaves that come of it."""

from __future__ import annotations

import errno
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from pi_system_monitor import create_app
from pistat.machine.machine import Machine
from pistat.machine.network import netlink, nl80211
from pistat.machine.network.nl80211 import Station
from pistat.settings import Settings
from support.recorded_machine import BOARDS, RecordedMachine, altered

if TYPE_CHECKING:
    from support.require import Require

HERE = struct.pack("=H", 1) == struct.pack("<H", 1)
little_endian = pytest.mark.skipif(not HERE, reason="the bytes are those of a little-endian machine")


def attribute(kind: int, content: bytes) -> bytes:
    """An attribute as it is laid out: length and kind, content, up to a multiple of four bytes."""
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


def message(kind: int, content: bytes) -> bytes:
    """A message of the kernel: its head, and what it tells."""
    size = netlink.HEADER.size + len(content)
    return netlink.HEADER.pack(size, kind, 0, 0, 0) + content + bytes(-size % 4)


PEER = bytes.fromhex(
    "13010000"  # NL80211_CMD_NEW_STATION, version 1
    "08000300 03000000"  # NL80211_ATTR_IFINDEX 3
    "0a000600 00005e005301 0000"  # NL80211_ATTR_MAC
    "2c001500"  # NL80211_ATTR_STA_INFO, nested
    "08000100 90010000"  # NL80211_STA_INFO_INACTIVE_TIME
    "05000700 c5 000000"  # NL80211_STA_INFO_SIGNAL: -59
    "18000800"  # NL80211_STA_INFO_TX_BITRATE, nested
    "08000500 d2020000"  # NL80211_RATE_INFO_BITRATE32: 722
    "06000100 d202 0000"  # NL80211_RATE_INFO_BITRATE: 722
    "04000400"  # NL80211_RATE_INFO_SHORT_GI
)
"""An access point, as the kernel of a Pi tells of it."""


@little_endian
def test_a_connection() -> None:
    """The signal is a signed byte of dBm, the rate counts in 100 kbit/s, the frequency in MHz."""
    interface = {nl80211.SSID: b"caf\xc3\xa9", nl80211.FREQUENCY: bytes.fromhex("85090000")}

    assert nl80211.station(interface, [PEER]) == Station("café", 2437, -59, 72_200_000)


@little_endian
@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        (attribute(1, b"\xd2\x02"), 72_200_000),
        (attribute(5, b"\x80\x38\x01\x00"), 8_000_000_000),
        (attribute(5, b"\x80\x38\x01\x00") + attribute(1, b"\xff\xff"), 8_000_000_000),
        (b"", None),
    ],
)
def test_rates(rates: bytes, expected: int | None) -> None:
    """A rate that is too high for the old field is in the new one."""
    peer = b"\x13\x01\x00\x00" + attribute(21, attribute(8, rates))

    assert nl80211.station({}, [peer]).bit_rate == expected


@pytest.mark.parametrize("peers", [[], [b"\x13\x01\x00\x00"]])
def test_no_connection(peers: list[bytes]) -> None:
    """An interface that is not connected, and one whose driver says nothing, know nothing."""
    assert nl80211.station({}, peers) == Station(None, None, None, None)


class Radios:
    """A kernel with four interfaces. Of two of them it does not tell what they are connected to."""

    FAMILY = 28
    ACCESS_POINT = 6
    PEERS: ClassVar[dict[int, bytes]] = {
        3: message(netlink.DONE, struct.pack("=i", -errno.EOPNOTSUPP)),
        4: message(netlink.ERROR, struct.pack("=i", -errno.ENODEV)),
        5: message(FAMILY, PEER) + message(netlink.DONE, bytes(4)),
        6: message(FAMILY, PEER) + message(netlink.DONE, bytes(4)),
    }

    def send(self, question: bytes) -> None:
        self.question = question

    def recv(self, size: int) -> bytes:
        if self.question[netlink.HEADER.size] == nl80211.GET_STATION:
            [interface] = struct.unpack("=I", self.question[-4:])
            return self.PEERS[interface]
        return b"".join(map(self.interface, self.PEERS)) + message(netlink.DONE, bytes(4))

    def interface(self, number: int) -> bytes:
        told = attribute(nl80211.IFINDEX, struct.pack("=I", number))
        told += attribute(nl80211.IFNAME, b"wlan%d\0" % number)
        # One of them is an access point, NL80211_IFTYPE_AP, to which others connect.
        told += attribute(nl80211.IFTYPE, struct.pack("=I", 3 if number == self.ACCESS_POINT else 2))
        return message(self.FAMILY, b"\7\1\0\0" + told + attribute(nl80211.SSID, b"network"))


@little_endian
def test_one_that_does_not_tell_its_peers() -> None:
    """What else is known of it stays, and all of the others; an access point is connected to nothing."""
    kernel: Any = Radios()

    assert nl80211.connections(kernel, Radios.FAMILY) == {
        "wlan3": Station("network", None, None, None),
        "wlan4": Station("network", None, None, None),
        "wlan5": Station("network", None, -59, 72_200_000),
    }


class Sleepers(Radios):
    """The same kernel, asked whether their radios sleep: one does, one does not, one cannot say it."""

    SAID: ClassVar[dict[int, bytes]] = {
        3: message(Radios.FAMILY, b"\x3e\1\0\0" + attribute(nl80211.POWER_SAVE, b"\1\0\0\0")),
        4: message(Radios.FAMILY, b"\x3e\1\0\0" + attribute(nl80211.POWER_SAVE, b"\0\0\0\0")),
        5: message(netlink.ERROR, struct.pack("=i", -errno.EOPNOTSUPP)),
    }

    def recv(self, size: int) -> bytes:
        if self.question[netlink.HEADER.size] != nl80211.GET_POWER_SAVE:
            return super().recv(size)
        [flags] = struct.unpack_from("=H", self.question, 6)
        assert flags == netlink.ONE
        [interface] = struct.unpack("=I", self.question[-4:])
        return self.SAID[interface] + message(netlink.ERROR, bytes(4))


@little_endian
def test_whose_radio_sleeps() -> None:
    """Only who connects to an access point is asked; one whose driver does not say it is left out."""
    kernel: Any = Sleepers()

    assert nl80211.power_save_states(kernel, Radios.FAMILY) == {"wlan3": True, "wlan4": False}


def test_the_families_of_this_kernel(require: Require) -> None:
    """The kernel knows the family that is asked for the others, under the number that is always its own."""
    require(sys.platform == "linux", "Linux", installed=False)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl80211.NETLINK_GENERIC) as kernel:
        kernel.settimeout(netlink.SECONDS)

        assert nl80211.families(kernel)["nlctrl"] == nl80211.CONTROLLER


def test_this_machine(require: Require) -> None:
    """What is told of this machine are wireless interfaces of it; none without Wi-Fi, and no failure."""
    require(sys.platform == "linux", "Linux", installed=False)
    wireless = {each.parent.name for each in Path("/sys/class/net").glob("*/phy80211")}

    assert set(Machine().stations()) <= wireless
    assert set(Machine().power_saving()) <= wireless


# In the answers


@pytest.fixture(params=["zero2w-wifi", "pi5-8gb-nvme"])
def board(request: pytest.FixtureRequest) -> RecordedMachine:
    """A board with Wi-Fi, to which a test may do something."""
    return RecordedMachine(BOARDS / request.param)


def rows(machine: Machine, path: str, **settings: Any) -> dict[str, Any]:
    app = create_app(Settings(rate_limit_enabled=False, **settings), machine)
    answer: Any = app.test_client().get(path).json
    found = answer.get("network") or answer["interfaces"]
    return {name: row for name, row in found.items() if isinstance(row, dict)}


def test_the_name_of_the_network_is_hidden(board: RecordedMachine) -> None:
    """It is null unless a setting asks for it; what else is known of the connection is there."""
    hidden = rows(board, "/network/interfaces")["wlan0"]
    shown = rows(board, "/network/interfaces", show_ssid=True)["wlan0"]

    assert hidden["ssid"] is None
    assert shown["ssid"] == "network"
    assert hidden == {**shown, "ssid": None}
    assert (shown["frequency"], shown["bit_rate"]) == (2437.0, 72_200_000)
    assert shown["power_save"] is True


def test_wired_interfaces_have_none_of_it(board: RecordedMachine) -> None:
    """What only Wi-Fi has stands in no other row."""
    for name, row in rows(board, "/network/interfaces").items():
        assert ("signal_strength" in row) == ("ssid" in row) == ("link_quality" in row) == (name == "wlan0")


def test_without_the_old_file(board: RecordedMachine) -> None:
    """Where /proc/net/wireless is gone, signal and quality come over netlink, the same to the reader."""
    before = rows(board, "/stats")["wlan0"]
    board.facts["unreadable"] = {"/proc/net/wireless": "ENOENT"}

    assert rows(board, "/stats?cache=false")["wlan0"] == before


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param("51.  -59.  -256 ", (-59, 72.86), id="as it is on a Pi"),
        pytest.param("35   -75   -90  ", (-75, 50.0), id="not new"),
        pytest.param("100. -41.  -95. ", (-41, 100.0), id="a driver that counts to 100"),
        pytest.param("0    0     0    ", (None, None), id="not associated"),
        pytest.param("70.  -256. -256.", (None, None), id="no level"),
        pytest.param("70.  197.  0.   ", (None, None), id="in units of its own"),
    ],
)
def test_what_drivers_write_into_the_old_file(
    tmp_path: Path, row: str, expected: tuple[int | None, float | None]
) -> None:
    """A level is a signal only in dBm; without one the quality is of no connection, and null, too."""
    text = f"Inter-\n face\n wlan0: 0000   {row} 0      0      0    189      0        0\n"
    machine = altered("zero2w-wifi", tmp_path, {"proc/net/wireless": text})
    machine.facts["stations"] = {}
    found = rows(machine, "/stats")["wlan0"]

    assert (found["signal_strength"], found["link_quality"]) == expected


@pytest.mark.parametrize(
    "row", ["0    0     0    ", "70.  -256. -256.", "100   90    0    ", "70.  197.  0.   "]
)
def test_a_level_that_is_no_dbm(tmp_path: Path, row: str) -> None:
    """Signal and quality come over netlink then: a row that cannot be used does not block the other way."""
    text = f"Inter-\n face\n wlan0: 0000   {row} 0      0      0    189      0        0\n"
    machine = altered("zero2w-wifi", tmp_path, {"proc/net/wireless": text})
    machine.facts["stations"] = {"wlan0": ["network", 2437, -47, None]}
    found = rows(machine, "/stats")["wlan0"]

    assert (found["signal_strength"], found["link_quality"]) == (-47, 90.0)


@pytest.mark.parametrize(
    ("signal", "quality"), [(-25, 100.0), (-40, 100.0), (-75, 50.0), (-110, 0.0), (-115, 0.0)]
)
def test_the_quality_of_a_signal(board: RecordedMachine, signal: int, quality: float) -> None:
    """Without the old file the quality is what cfg80211 would write there; it has two ends."""
    board.facts["unreadable"] = {"/proc/net/wireless": "ENOENT"}
    board.facts["stations"] = {"wlan0": ["network", 2437, signal, None]}
    found = rows(board, "/stats")["wlan0"]

    assert (found["signal_strength"], found["link_quality"]) == (signal, quality)


@pytest.mark.parametrize("mark", ["wireless/beacon", "phy80211/name"])
def test_one_of_two_is_in_the_old_file(tmp_path: Path, mark: str) -> None:
    """A dongle whose driver does not fill the file is found, too, by either mark of Wi-Fi."""
    table = (BOARDS / "zero2w-wifi/proc/net/dev").read_text()
    dongle = f" wlan1: {'0 ' * 16}\n"
    files = {"proc/net/dev": table + dongle, f"sys/class/net/wlan1/{mark}": "0\n"}
    machine = altered("zero2w-wifi", tmp_path, files)
    machine.facts["stations"] = {"wlan1": ["network", 5180, -71, None], "wlan0": ["network", 2437, -1, None]}
    found = rows(machine, "/stats")

    assert (found["wlan0"]["signal_strength"], found["wlan1"]["signal_strength"]) == (-59, -71)


def test_a_connection_that_is_lost(board: RecordedMachine) -> None:
    """An interface without a connection keeps its leaves, all null."""
    board.facts["unreadable"] = {"/proc/net/wireless": "ENOENT"}
    board.facts["stations"] = {}
    row = rows(board, "/network/interfaces")["wlan0"]

    assert {
        name: row[name] for name in ("signal_strength", "link_quality", "ssid", "bit_rate", "frequency")
    } == {
        "signal_strength": None,
        "link_quality": None,
        "ssid": None,
        "bit_rate": None,
        "frequency": None,
    }


def test_a_kernel_that_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the kernel refuses to tell of Wi-Fi, that is no failure of the interfaces."""

    def refuse() -> dict[str, Station]:
        raise PermissionError

    monkeypatch.setattr(nl80211, "stations", refuse)
    monkeypatch.setattr(nl80211, "power_saving", refuse)

    assert Machine().stations() == {}
    assert Machine().power_saving() == {}
