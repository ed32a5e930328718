"""What the kernel prints: vectors 76-91 and 105-130 of the Raspberry Pi hardware fact sheet, section E."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vectors import ANY_TEXT, PATIENCE, REPEATED, Vector, Vectors, spliced

from pistat import kernel

WIRELESS_HEADER = (
    "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
    " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
)
SNMP = (
    "Ip: Forwarding\nIp: 2\n"
    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens"
    " AttemptFails EstabResets CurrEstab InSegs\n"
    "Tcp: 1 200 120000 -1 10 20 1 2 7 999\n"
)
USB = ["usb1", "usb2", "1-0:1.0", "2-0:1.0", "1-1", "1-1:1.0", "1-1.2", "1-1.2:1.0", "1-1.2:1.1", "2-1"]
CPUINFO = "Revision\t: c03111\nSerial\t\t: 10000000abcdef01\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n"
vectors = Vectors()


@vectors(
    Vector(76, "48312\n", 48.312),
    Vector(77, "-1250\n", -1.25),
    Vector(78, "", None),
    Vector(79, "-650788984\n", None, "bogus value reported historically"),
    Vector(80, "48.3\n", None),
)
def test_millidegrees(text: str, expected: float | None) -> None:
    """A temperature is a whole number of millidegrees that a board can have."""
    assert expected == kernel.millidegrees(text)


@vectors(
    Vector(81, "1500000\n", 1500000000),
    Vector(82, "<unknown>\n", None, "non-numeric kernel text"),
)
def test_kilohertz(text: str, expected: int | None) -> None:
    """A frequency is a whole number of kHz."""
    assert expected == kernel.kilohertz(text)


@vectors(
    Vector(83, "0\n", False),
    Vector(84, "1\n", True),
    Vector(85, "2\n", None),
)
def test_alarm(text: str, expected: bool | None) -> None:
    """An alarm is 0 or 1."""
    assert expected is kernel.alarm(text)


@vectors(
    Vector(86, b"Raspberry Pi 5 Model B Rev 1.0\x00", "Raspberry Pi 5 Model B Rev 1.0"),
    Vector(87, b"10000000abcdef01\x00", "10000000abcdef01"),
    Vector(88, b"\x00", None),
    Vector(89, b"Pi\x00evil", "Pi", "stop at first NUL"),
    Vector(90, b"A\x1b[2JB\xff\x00", "A[2JB\ufffd", "strip control bytes; still escape in HTML"),
)
def test_device_tree_string(text: bytes, expected: str | None) -> None:
    """A string of the device tree ends at its NUL and holds nothing that a terminal would obey."""
    assert expected == kernel.device_tree_string(text)


@vectors(Vector(91, b"\x00\xd0Ap", 0xD04170))
def test_big_endian_32(text: bytes, expected: int) -> None:
    """A number of the device tree has its highest byte first."""
    assert expected == kernel.big_endian_32(text)


@pytest.mark.parametrize("data", [b"", b"\x00\xd0A", b"\x00\xd0Ap\x00"])
def test_big_endian_32_has_four_bytes(data: bytes) -> None:
    """A property of another length is no number of 32 bits."""
    assert kernel.big_endian_32(data) is None


@vectors(
    Vector(
        105,
        " wlan0: 0000   51.  -59.  -256        0      0      0    189      0        0\n",
        {"wlan0": (51, -59, None)},
    ),
    Vector(106, "", {}, "no interface"),
    Vector(
        107,
        "p2p0: 0000    0     0     0        0      0      0      0      0        0\n",
        {"p2p0": (0, None, None)},
        "not associated",
    ),
    Vector(108, " wlan0: 0000   51.", {}, "truncated"),
    Vector(
        109,
        " wlan0: 0000   70   -40   -256        0      0      0      0      0        0\n",
        {"wlan0": (70, -40, None)},
        "no dots: value not updated since last read",
    ),
)
def test_wireless(text: str, expected: dict[str, tuple[int, int | None, int | None]]) -> None:
    """A row below the two header lines gives link, level and noise, and None for what is not measured."""
    assert expected == kernel.wireless(WIRELESS_HEADER + text)


def test_wireless_with_noise() -> None:
    """A driver that measures noise has it reported, for every interface."""
    row = "wlan{}: 0000   60.  -50.  -95.        0      0      0      0      0        0\n"

    expected = {"wlan0": (60, -50, -95), "wlan1": (60, -50, -95)}

    assert expected == kernel.wireless(WIRELESS_HEADER + row.format(0) + row.format(1))


@vectors(
    Vector(110, SNMP, 7),
    Vector(111, "Tcp: CurrEstab RtoMin\nTcp: 3 200\n", 3, "column found by name"),
    Vector(112, "Tcp: RtoMin CurrEstab\nTcp: 200\n", None, "short value row"),
)
def test_established(text: str, expected: int | None) -> None:
    """The number of connections stands below its name, in a row as long as that of the names."""
    assert expected == kernel.established(text)


@pytest.mark.parametrize(
    "text", ["", "Tcp: CurrEstab\n", "Tcp: RtoMin\nTcp: 200\n", "Tcp: CurrEstab\nTcp: x\n"]
)
def test_established_unknown(text: str) -> None:
    """Without both rows, the column or a number there is no answer."""
    assert kernel.established(text) is None


@vectors(
    Vector(113, "1000\n", 1000),
    Vector(114, "-1\n", None, "unknown"),
    Vector(115, None, None, "read raised EINVAL"),
    Vector(116, "4294967295\n", None, "unsigned -1"),
)
def test_link_speed(text: str | None, expected: int | None) -> None:
    """A speed is positive and possible; the kernel has several ways to say that it knows none."""
    assert expected == kernel.link_speed(text)


@vectors(
    Vector(117, (USB,), 3, "1-1, 1-1.2, 2-1"),
    Vector(118, (USB, {"1-1": "09"}), 2, "hub dropped"),
    Vector(119, ([],), 0),
    Vector(120, (["usb1", "1-0:1.0"],), 0, "root hub only"),
    Vector(121, (["../../etc", "1-1.1.4.2"],), 1),
)
def test_usb_devices(text: tuple[Any, ...], expected: int) -> None:
    """Devices are counted, but not root hubs, interfaces, or anything known to be a hub."""
    assert expected == kernel.usb_devices(*text)


def test_usb_class_may_end_in_a_newline() -> None:
    """The class of a device may be given just as the kernel prints it."""
    assert kernel.usb_devices(USB, {"1-1": "09"}) == kernel.usb_devices(USB, {"1-1": "09\n", "2-1": "00\n"})


@vectors(
    Vector(122, "0x01 0x02\n", (1, 2)),
    Vector(123, "0x0b 0x01", (11, 1), "0x0B = past rated life"),
)
def test_wear(text: str, expected: tuple[int, int]) -> None:
    """The wear of both areas is given in tenths."""
    assert expected == kernel.wear(text)


@pytest.mark.parametrize("text", ["0x01", "0x0c 0x01", "01 02", "0x01 0x02 0x03", ""])
def test_wear_unknown(text: str) -> None:
    """A value beyond the standard, or not of two areas, is none."""
    assert kernel.wear(text) is None


@vectors(
    Vector(124, "01\n", "normal", "older kernels"),
    Vector(125, "0x01\n", "normal", "newer kernels"),
    Vector(126, "0x03", "urgent"),
    Vector(127, "0x00", None),
    Vector(128, "zz", None),
)
def test_pre_eol(text: str, expected: str | None) -> None:
    """The state of the spare blocks is a word, whichever way the kernel prints its number."""
    assert expected == kernel.pre_eol(text)


@vectors(
    Vector(
        129,
        CPUINFO,
        {"Revision": "c03111", "Serial": "10000000abcdef01", "Model": "Raspberry Pi 4 Model B Rev 1.1"},
    ),
    Vector(130, "processor\t: 0\n", {}, "mainline arm64: no board lines"),
)
def test_cpuinfo(text: str, expected: dict[str, str]) -> None:
    """Of /proc/cpuinfo only the lines about the board are taken."""
    assert expected == kernel.cpuinfo(text)


def test_cpuinfo_of_a_core() -> None:
    """The revision of a CPU core is not the revision of the board."""
    text = "processor\t: 0\nCPU revision\t: 3\nHardware\t: BCM2835\n" + CPUINFO

    assert kernel.cpuinfo(CPUINFO) == kernel.cpuinfo(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("0x02", "warning"), ("02", "warning"), ("2", None), ("0x04", None)]
)
def test_pre_eol_edges(text: str, expected: str | None) -> None:
    """Between normal and urgent there is a warning; a number beyond the standard is none."""
    assert expected == kernel.pre_eol(text)


def test_no_vector_is_missing() -> None:
    """Each of the vectors 76 to 91 and 105 to 130 is tested, once."""
    assert [*range(76, 92), *range(105, 131)] == sorted(vectors.seen)


HOSTILE = st.one_of(
    ANY_TEXT,
    REPEATED,
    st.builds(str.__mul__, st.sampled_from(["9", " ", "\n", "Tcp: ", "w: 0000 1 "]), st.integers(1, 4000)),
    spliced(vectors.texts),
)


@pytest.mark.parametrize(
    ("parse", "low", "high"),
    [
        (kernel.millidegrees, -40, 150),
        (kernel.kilohertz, 0, 10_000_000_000),
        (kernel.established, 0, 9_999_999_999),
        (kernel.link_speed, 1, 1_000_000),
    ],
)
@given(text=HOSTILE)
@settings(deadline=PATIENCE)
def test_numbers_are_bounded(
    parse: Callable[[str], float | None], low: float, high: float, text: str
) -> None:
    """Whatever the text, a number is one that can be, or none."""
    actual = parse(text)

    assert actual is None or low <= actual <= high


@given(text=HOSTILE)
@settings(deadline=PATIENCE)
def test_words_are_bounded(text: str) -> None:
    """Whatever the text, what is not a number is one of a few words, or short printable ASCII."""
    assert kernel.alarm(text) in {True, False, None}
    assert kernel.pre_eol(text) in {"normal", "warning", "urgent", None}
    assert all(0 <= area <= 11 for area in kernel.wear(text) or ())
    assert {"Revision", "Serial", "Model"} >= kernel.cpuinfo(text).keys()
    assert all(value.isascii() and len(value) <= 128 for value in kernel.cpuinfo(text).values())


@given(text=HOSTILE)
@settings(deadline=PATIENCE)
def test_wireless_is_bounded(text: str) -> None:
    """Whatever the text, an interface has a name that Linux allows, and a power is negative dBm or none."""
    for name, found in kernel.wireless(WIRELESS_HEADER + text).items():
        assert name.isascii()
        assert not {"/", ":", " "} & set(name)
        assert 0 <= found.link <= 999
        assert all(power is None or -256 < power < 0 for power in (found.level, found.noise))


@given(data=st.one_of(st.binary(), st.builds(bytes.__mul__, st.binary(max_size=20), st.integers(0, 1000))))
@settings(deadline=PATIENCE)
def test_device_tree_is_bounded(data: bytes) -> None:
    """Whatever the bytes, a string is short and printable, and a number has 32 bits."""
    text = kernel.device_tree_string(data)

    assert text is None or (0 < len(text) <= 128 and text.isprintable())
    assert 0 <= (kernel.big_endian_32(data) or 0) < 2**32


@given(names=st.lists(HOSTILE), classes=st.dictionaries(HOSTILE, HOSTILE))
@settings(deadline=PATIENCE)
def test_usb_devices_is_bounded(names: list[str], classes: dict[str, str]) -> None:
    """Whatever the names, there are no more devices than names, and no more when their classes are known."""
    assert 0 <= kernel.usb_devices(names, classes) <= kernel.usb_devices(names) <= len(names)
