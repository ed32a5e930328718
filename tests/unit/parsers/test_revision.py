"""A board is known by its code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistat.parsers import revision
from pistat.parsers.revision import Revision
from support.parser_vectors import ANY_TEXT, REPEATED, Vectors

vectors = Vectors()


@vectors("rev")
def test_revision(text: str, expected: tuple[str | int | None, ...] | None) -> None:
    """A new code is read field by field, an old one is one of a sequence, any other says nothing."""
    actual = revision.decode_revision(text)

    assert expected == (actual and actual[: len(expected or ())])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0003\n", Revision("B", "1.0", 256, "BCM2835", "Egoman")),
        ("000e", Revision("B", "2.0", 512, "BCM2835", "Sony UK")),
        pytest.param("000f", Revision("B", "2.0", 512, "BCM2835", None), id="Egoman or Qisda"),
        pytest.param("0011", Revision("CM1", None, 512, "BCM2835", "Sony UK"), id="1.0 or 1.1"),
        pytest.param("0013", Revision("B+", "1.2", 512, "BCM2835", None), id="Embest or Egoman"),
        pytest.param("0015", Revision("A+", "1.1", None, "BCM2835", "Embest"), id="256 or 512 MiB"),
        pytest.param("1000000e", Revision("B", "2.0", 512, "BCM2835", "Sony UK"), id="over-volted, bit 28"),
    ],
)
def test_old_style_record(text: str, expected: Revision) -> None:
    """Each old-style code stands for one board, with None where its sources differ."""
    assert expected == revision.decode_revision(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0002", Revision("B", "1.0", 256, "BCM2835", "Egoman")),
        ("0004", Revision("B", "2.0", 256, "BCM2835", "Sony UK")),
        ("0005", Revision("B", "2.0", 256, "BCM2835", "Qisda")),
        ("0006", Revision("B", "2.0", 256, "BCM2835", "Egoman")),
        ("0007", Revision("A", "2.0", 256, "BCM2835", "Egoman")),
        ("0008", Revision("A", "2.0", 256, "BCM2835", "Sony UK")),
        ("0009", Revision("A", "2.0", 256, "BCM2835", "Qisda")),
        ("000d", Revision("B", "2.0", 512, "BCM2835", "Egoman")),
        ("0010", Revision("B+", "1.2", 512, "BCM2835", "Sony UK")),
        ("0012", Revision("A+", "1.1", 256, "BCM2835", "Sony UK")),
        ("0014", Revision("CM1", None, 512, "BCM2835", "Embest")),
        ("900021", Revision("A+", "1.1", 512, "BCM2835", "Sony UK")),
        ("900032", Revision("B+", "1.2", 512, "BCM2835", "Sony UK")),
        ("900061", Revision("CM1", "1.1", 512, "BCM2835", "Sony UK")),
        ("920093", Revision("Zero", "1.3", 512, "BCM2835", "Embest")),
        ("9000c1", Revision("Zero W", "1.1", 512, "BCM2835", "Sony UK")),
        ("9020e0", Revision("3A+", "1.0", 512, "BCM2837", "Sony UK")),
        ("a01041", Revision("2B", "1.1", 1024, "BCM2836", "Sony UK")),
        ("a22042", Revision("2B", "1.2", 1024, "BCM2837", "Embest")),
        ("a32082", Revision("3B", "1.2", 1024, "BCM2837", "Sony Japan")),
        ("a52082", Revision("3B", "1.2", 1024, "BCM2837", "Stadium")),
        ("a220a0", Revision("CM3", "1.0", 1024, "BCM2837", "Embest")),
        ("a020d4", Revision("3B+", "1.4", 1024, "BCM2837", "Sony UK")),
        ("a02100", Revision("CM3+", "1.0", 1024, "BCM2837", "Sony UK")),
        ("b03115", Revision("4B", "1.5", 2048, "BCM2711", "Sony UK")),
        ("c03130", Revision("400", "1.0", 4096, "BCM2711", "Sony UK")),
        ("d03141", Revision("CM4", "1.1", 8192, "BCM2711", "Sony UK")),
        pytest.param("a03150", Revision("CM4S", "1.0", 1024, "BCM2711", "Sony UK"), id="CM4S, made up"),
        ("c04180", Revision("CM5", "1.0", 4096, "BCM2712", "Sony UK")),
        ("d04190", Revision("500/500+", "1.0", 8192, "BCM2712", "Sony UK")),
        ("c041a0", Revision("CM5 Lite", "1.0", 4096, "BCM2712", "Sony UK")),
        pytest.param("9021b0", Revision("CM0", "1.0", 512, "BCM2837", "Sony UK"), id="CM0, made up"),
        pytest.param("810001", Revision("A", "1.1", 256, "BCM2835", "Egoman"), id="A, made up"),
        pytest.param("940010", Revision("B", "1.0", 512, "BCM2835", "Embest"), id="maker 4, made up"),
        pytest.param("900050", Revision("Alpha", "1.0", 512, "BCM2835", "Sony UK"), id="Alpha, made up"),
        pytest.param("b88170", Revision("5", "1.0", 2048, None, None), id="SoC 8 and maker 8, not yet given"),
        pytest.param("eec04171", Revision("5", "1.1", 4096, "BCM2712", "Sony UK"), id="bits 25 to 31"),
    ],
)
def test_codes_that_were_given(text: str, expected: Revision) -> None:
    """Each field is where the documentation has it; those of bits 24 to 31 say nothing of the board."""
    # raspberry-pi.html#raspberry-pi-revision-codes
    assert expected == revision.decode_revision(text)


@pytest.mark.parametrize(
    ("soc", "lacking"),
    [
        ("BCM2835", {"hevc"}),
        ("BCM2836", {"hevc"}),
        ("BCM2837", {"hevc"}),
        ("BCM2711", {"hevc"}),
        ("BCM2712", {"h264", "vec", "dpi"}),
    ],
)
def test_blocks(soc: str, lacking: set[str]) -> None:
    """Of each processor all clocks are asked for but those that it is not known to have."""
    assert revision.CLOCKS.keys() - revision.BLOCKS[soc] == lacking


@pytest.mark.parametrize(
    "text", ["", "000a", "0016", "10002", "c03111 c03111", "\u0661\u0662", "c0311100f", "0xc03111"]
)
def test_not_a_code(text: str) -> None:
    """A code is up to eight hexadecimal digits, and nothing else."""
    assert revision.decode_revision(text) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Raspberry Pi Model B Rev 1", False),
        ("Raspberry Pi Model B Rev 2", False),
        ("Raspberry Pi Model A Rev 2", False),
        pytest.param("Raspberry Pi Model B", False, id="Model B, mainline"),
        pytest.param("Raspberry Pi Model B rev2", False, id="Model B rev2, mainline"),
        ("Raspberry Pi Model B Plus Rev 1.2", True),
        ("Raspberry Pi Model A Plus Rev 1.1", True),
        pytest.param("Raspberry Pi Model B+", True, id="Model B+, mainline"),
        ("Raspberry Pi Compute Module Rev 1.0", False),
        ("Raspberry Pi Compute Module 3 Plus Rev 1.0", False),
        ("Raspberry Pi Compute Module 4S Rev 1.0", False),
        ("Raspberry Pi Compute Module 5 Lite Rev 1.0", False),
        ("Raspberry Pi Zero Rev 1.3", False),
        ("Raspberry Pi Zero W Rev 1.1", False),
        ("Raspberry Pi Zero 2 W Rev 1.0", False),
        ("Raspberry Pi 2 Model B Rev 1.1", True),
        ("Raspberry Pi 3 Model A Plus Rev 1.0", True),
        ("Raspberry Pi 4 Model B Rev 1.1", True),
        ("Raspberry Pi 400 Rev 1.0", True),
        ("Raspberry Pi 5 Model B Rev 1.0", True),
    ],
)
def test_detects_under_voltage(model: str, expected: bool) -> None:
    """Boards from the B+ on notice a low supply, but no Zero and no Compute Module."""
    assert expected is revision.detects_under_voltage(model)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0", False),
        ("Raspberry Pi 500 Rev 1.0", False),
        ("Raspberry Pi Compute Module 5 Rev 1.0", False),
        ("Raspberry Pi Compute Module 5 Lite Rev 1.0", False),
        pytest.param("Raspberry Pi 5", False, id="nothing after the name"),
        ("Raspberry Pi Compute Module 4S Rev 1.0", True),
        ("Raspberry Pi 4 Model B Rev 1.5", True),
        ("Raspberry Pi 400 Rev 1.0", True),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", True),
        ("Raspberry Pi Zero W Rev 1.1", True),
        pytest.param("Raspberry Pi 50 Rev 1.0", True, id="another number that begins with 5"),
    ],
)
def test_splits_memory(model: str, expected: bool) -> None:
    """Memory is divided between CPU and GPU on every board but those with a BCM2712."""
    assert expected is revision.splits_memory(model)


def test_which_boards_have_gigabit_ethernet() -> None:
    """From the 3B+ on, and of the Compute Modules from the 4; a board that nobody knows has none."""
    gigabit = {kind for kind in revision.TYPES.values() if revision.has_gigabit_ethernet(kind)}

    assert gigabit == {"3B+", "4B", "400", "CM4", "5", "500/500+", "CM5", "CM5 Lite"}
    assert not revision.has_gigabit_ethernet(None)


HOSTILE = st.one_of(
    ANY_TEXT,
    REPEATED,
    st.builds(str.__add__, st.sampled_from(["Raspberry Pi 5", "Raspberry Pi Zero ", "c03111"]), ANY_TEXT),
)


@given(text=HOSTILE)
def test_any_text(text: str) -> None:
    """Whatever the text, there is an answer."""
    assert revision.decode_revision(text) is None or text.strip().isalnum()
    assert revision.detects_under_voltage(text) in {True, False}
    assert revision.splits_memory(text) in {True, False}


@given(code=st.integers(0, 0xFFFF_FFFF))
def test_any_code(code: int) -> None:
    """Every new-style code tells a type and a revision of the circuit board, and a memory that is made."""
    actual = revision.decode_revision(f"{code:08x}")

    if code & revision.NEW_STYLE:
        assert actual is not None
        assert actual.type
        assert actual.pcb == f"1.{code % 16}"
        assert actual.memory_mib in {256, 512, 1024, 2048, 4096, 8192, 16384, None}
    else:
        assert actual is None or actual in revision.OLD_STYLE.values()
