"""What the kernel prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistat.parsers import kernel
from support.parser_vectors import ANY_TEXT, CPUINFO, REPEATED, USB, Vectors, spliced

WIRELESS_HEADER = (
    "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
    " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
)
vectors = Vectors()


@vectors("milli")
def test_millidegrees(text: str, expected: float | None) -> None:
    """A temperature is a whole number of millidegrees that a board can have."""
    assert expected == kernel.millidegrees(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("-40000", -40.0), ("-40001", None), ("150000", 150.0), ("150001", None)]
)
def test_what_a_board_can_measure(text: str, expected: float | None) -> None:
    """From 40 degrees below zero to 150 above is believed, and nothing beyond."""
    assert kernel.millidegrees(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0.0), ("856", 0.856), ("10000", 10.0), ("10001", None), ("-1", None)]
)
def test_millivolts(text: str, expected: float | None) -> None:
    """A voltage in thousandths is accepted up to 10 V, like that of the firmware."""
    assert kernel.millivolts(text) == expected


@vectors("khz")
def test_kilohertz(text: str, expected: int | None) -> None:
    """A frequency is a whole number of kHz."""
    assert expected == kernel.kilohertz(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "Debian GNU/Linux 12 (bookworm)"),
        ("PRETTY_NAME='Alpine Linux v3.20'", "Alpine Linux v3.20"),
        ("PRETTY_NAME=Buildroot", "Buildroot"),
        (r"PRETTY_NAME=Void\ Linux\ \"glibc\"", 'Void Linux "glibc"'),
        (r'PRETTY_NAME="A \"quoted\" \$5 \`name\` \\ with \n"', r'A "quoted" $5 `name` \ with \n'),
        (r"PRETTY_NAME='single \n \" stay'", r"single \n \" stay"),
        ('PRETTY_NAME="Joe\'s Linux"', "Joe's Linux"),
        ("PRETTY_NAME='say \"hi\"'", 'say "hi"'),
        ('  PRETTY_NAME="indented"  \r\n', "indented"),
        ('PRETTY_NAME="first"\nPRETTY_NAME="last"\n', "last"),
        ('PRETTY_NAME="first"\nPRETTY_NAME="open\n', "first"),
        ('#PRETTY_NAME="comment"\nPRETTY_NAME="Linux" # comment\n', "Linux"),
        ('XPRETTY_NAME="x"\nPRETTY_NAMES="x"\nPRETTY_NAME ="x"\nPRETTY_NAME= "x"\n', None),
        ('PRETTY_NAME="two""pieces"\n', None),
        ("PRETTY_NAME=two words\n", None),
        ("PRETTY_NAME=one;reboot\n", None),
        ('PRETTY_NAME=""\n', None),
        ('PRETTY_NAME="  "\n', None),
        ('PRETTY_NAME=""\nNAME=Alpine\nVERSION="3.20 \'edge\'"\n', "Alpine 3.20 'edge'"),
        ('NAME="Debian"', "Debian"),
        ("VERSION_ID=12\n", None),
        ('PRETTY_NAME="\x1b[31mred\u202e\x07"', "[31mred"),
        (f'PRETTY_NAME="{"é" * 200}"', "é" * 128),
        ('PRETTY_NAME="' + "\\" * 5000, None),
        ("", None),
    ],
)
def test_os_name(text: str, expected: str | None) -> None:
    """The value is what a shell would read, by the rules of os-release(5); the last assignment counts."""
    assert kernel.os_name(text) == expected


@vectors("alarm")
def test_alarm(text: str, expected: bool | None) -> None:
    """An alarm is 0 or 1."""
    assert expected is kernel.alarm(text)


@vectors("dtstr")
def test_device_tree_string(text: bytes, expected: str | None) -> None:
    """A string of the device tree ends at its NUL and holds nothing that a terminal would obey."""
    assert expected == kernel.device_tree_string(text)


@vectors("be32")
def test_big_endian_32(text: bytes, expected: int) -> None:
    """A number of the device tree has its highest byte first."""
    assert expected == kernel.big_endian_32(text)


@pytest.mark.parametrize("data", [b"", b"\x00\xd0A", b"\x00\xd0Ap\x00"])
def test_big_endian_32_has_four_bytes(data: bytes) -> None:
    """A property of another length is no number of 32 bits."""
    assert kernel.big_endian_32(data) is None


@vectors("wireless")
def test_wireless(text: str, expected: dict[str, tuple[int, int | None]]) -> None:
    """A row below the two header lines gives link and level, and None for what is not measured."""
    assert expected == kernel.wireless(WIRELESS_HEADER + text)


def test_wireless_with_noise() -> None:
    """A driver that measures noise changes nothing about link and level, of every interface."""
    row = "wlan{}: 0000   60.  -50.  -95.        0      0      0      0      0        0\n"

    expected = {"wlan0": (60, -50), "wlan1": (60, -50)}

    assert expected == kernel.wireless(WIRELESS_HEADER + row.format(0) + row.format(1))


@vectors("estab")
def test_established(text: str, expected: int | None) -> None:
    """The number of connections stands below its name, in a row as long as that of the names."""
    assert expected == kernel.established(text)


@pytest.mark.parametrize(
    "text", ["", "Tcp: CurrEstab\n", "Tcp: RtoMin\nTcp: 200\n", "Tcp: CurrEstab\nTcp: x\n"]
)
def test_established_unknown(text: str) -> None:
    """Without both rows, the column or a number there is no answer."""
    assert kernel.established(text) is None


@vectors("speed")
def test_link_speed(text: int | None, expected: int | None) -> None:
    """A speed is positive and possible; the kernel has several ways to say that it knows none."""
    assert expected == kernel.link_speed(text)


@pytest.mark.parametrize("told", [0, -2, 1_000_001])
def test_what_is_no_speed(told: int) -> None:
    """A link that moves nothing, or more than any that is made, has no speed to tell."""
    assert kernel.link_speed(told) is None


@vectors("usb")
def test_usb_devices(text: tuple[Any, ...], expected: int) -> None:
    """Devices are counted, but not root hubs, interfaces, or anything known to be a hub."""
    assert expected == kernel.usb_devices(*text)


def test_usb_class_may_end_in_a_newline() -> None:
    """The class of a device may be given just as the kernel prints it."""
    assert kernel.usb_devices(USB, {"1-1": "09"}) == kernel.usb_devices(USB, {"1-1": "09\n", "2-1": "00\n"})


@vectors("life")
def test_wear(text: str, expected: tuple[int, int]) -> None:
    """The wear of both areas is given in tenths."""
    assert expected == kernel.wear(text)


@pytest.mark.parametrize("text", ["0x01", "0x0c 0x01", "01 02", "0x01 0x02 0x03", ""])
def test_wear_unknown(text: str) -> None:
    """A value beyond the standard, or not of two areas, is none."""
    assert kernel.wear(text) is None


@vectors("eol")
def test_pre_eol(text: str, expected: str | None) -> None:
    """The state of the spare blocks is a word, whichever way the kernel prints its number."""
    assert expected == kernel.pre_eol(text)


@vectors("cpuinfo")
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
    ],
)
@given(text=HOSTILE)
def test_numbers_are_bounded(
    parse: Callable[[str], float | None], low: float, high: float, text: str
) -> None:
    """Whatever the text, a number is one that can be, or none."""
    actual = parse(text)

    assert actual is None or low <= actual <= high


@given(text=HOSTILE)
def test_words_are_bounded(text: str) -> None:
    """Whatever the text, what is not a number is one of a few words, or short printable ASCII."""
    assert kernel.alarm(text) in {True, False, None}
    assert kernel.pre_eol(text) in {"normal", "warning", "urgent", None}
    assert all(0 <= area <= 11 for area in kernel.wear(text) or ())
    assert {"Revision", "Serial", "Model"} >= kernel.cpuinfo(text).keys()
    assert all(value.isascii() and len(value) <= 128 for value in kernel.cpuinfo(text).values())


@given(text=HOSTILE)
def test_wireless_is_bounded(text: str) -> None:
    """Whatever the text, an interface has a name that Linux allows, and a power is negative dBm or none."""
    for name, found in kernel.wireless(WIRELESS_HEADER + text).items():
        assert name.isascii()
        assert not {"/", ":", " "} & set(name)
        assert 0 <= found.link <= 999
        assert found.level is None or -256 < found.level < 0


@given(data=st.one_of(st.binary(), st.builds(bytes.__mul__, st.binary(max_size=20), st.integers(0, 1000))))
def test_device_tree_is_bounded(data: bytes) -> None:
    """Whatever the bytes, a string is short and printable, and a number has 32 bits."""
    text = kernel.device_tree_string(data)

    assert text is None or (0 < len(text) <= 128 and text.isprintable())
    assert 0 <= (kernel.big_endian_32(data) or 0) < 2**32


@given(names=st.lists(HOSTILE), classes=st.dictionaries(HOSTILE, HOSTILE))
def test_usb_devices_is_bounded(names: list[str], classes: dict[str, str]) -> None:
    """Whatever the names, there are no more devices than names, and no more when their classes are known."""
    assert 0 <= kernel.usb_devices(names, classes) <= kernel.usb_devices(names) <= len(names)
