"""What vcgencmd answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistat.parsers import vcgencmd
from pistat.parsers.vcgencmd import Category
from support.parser_vectors import (
    ANY_TEXT,
    BOOTLOADER_PI_5,
    INVALID,
    REPEATED,
    UNREGISTERED,
    VERSION_PI_4,
    VERSION_PI_5,
    Vectors,
    spliced,
)

PMIC_PI_5 = """\
   3V7_WL_SW_A current(0)=0.00195186A
     3V3_SYS_A current(1)=0.12687090A
     1V8_SYS_A current(2)=0.18835450A
    DDR_VDD2_A current(3)=0.02147046A
    DDR_VDDQ_A current(4)=0.00000000A
     1V1_SYS_A current(5)=0.17957110A
      0V8_SW_A current(6)=0.25959740A
    VDD_CORE_A current(7)=0.56259000A
     3V3_DAC_A current(17)=0.00000000A
     3V3_ADC_A current(18)=0.00000000A
     0V8_AON_A current(16)=0.00293040A
        HDMI_A current(22)=0.02551890A
   3V7_WL_SW_V volt(8)=3.70720000V
     3V3_SYS_V volt(9)=3.32580900V
     1V8_SYS_V volt(10)=1.80415000V
    DDR_VDD2_V volt(11)=1.11135400V
    DDR_VDDQ_V volt(12)=0.60329610V
     1V1_SYS_V volt(13)=1.11282000V
      0V8_SW_V volt(14)=0.80512740V
    VDD_CORE_V volt(15)=0.76798460V
     3V3_DAC_V volt(20)=3.32142500V
     3V3_ADC_V volt(21)=3.32966700V
     0V8_AON_V volt(19)=0.80175740V
        HDMI_V volt(23)=5.11746000V
       EXT5V_V volt(24)=5.14158000V
        BATT_V volt(25)=3.28033900V
"""
SHORT_NAMES = {
    "under_voltage": "uv",
    "freq_capped": "cap",
    "throttled": "thr",
    "soft_temp_limit": "soft",
    "under_voltage_since_boot": "uv_was",
    "freq_capped_since_boot": "cap_was",
    "throttled_since_boot": "thr_was",
    "soft_temp_limit_since_boot": "soft_was",
}
vectors = Vectors(PMIC_PI_5)


@vectors("temp")
def test_temperature(text: str, expected: float | None) -> None:
    """A temperature is accepted only if the reply matches in full, and is one that a board can have."""
    assert expected == vcgencmd.temperature(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("temp=48.3'C" + " " * 9000, id="9 kB, most of it blanks"),
        pytest.param("\N{NO-BREAK SPACE}temp=48.3'C", id="a blank that is not ASCII"),
        pytest.param("temp=48.3'C\f", id="form feed"),
    ],
)
def test_only_ascii_blanks_are_stripped(text: str) -> None:
    """Around a reply there may be blanks, tabs and line ends, but nothing else, and not without end."""
    assert vcgencmd.temperature(text) is None


@vectors("clock")
def test_clock(text: str, expected: int | None) -> None:
    """A frequency counts whatever number stands in the brackets, and only up to 10 GHz."""
    assert expected == vcgencmd.clock(text)


@vectors("volts")
def test_volts(text: str, expected: float | None) -> None:
    """A voltage is accepted up to 10 V."""
    assert expected == vcgencmd.volts(text)


@vectors("mem")
def test_memory(text: str, expected: tuple[str, int] | None) -> None:
    """A size of memory comes with its name, so that an answer to another question can be told."""
    assert expected == vcgencmd.memory(text)


@vectors("throttled")
def test_throttled(text: str, expected: int | None) -> None:
    """The throttle bits are hexadecimal with a 0x, and at most 32."""
    assert expected == vcgencmd.throttled(text)


@vectors("bits")
def test_flags(text: int, expected: list[str]) -> None:
    """All eight flags are always answered, and each is true exactly if its own bit is set."""
    actual = vcgencmd.flags(text)

    assert SHORT_NAMES.keys() == actual.keys()
    assert expected == [short for name, short in SHORT_NAMES.items() if actual[name]]


@vectors("rsts")
def test_reset_status(text: str, expected: int | None) -> None:
    """The reset status is hexadecimal, although it does not look it."""
    assert expected == vcgencmd.reset_status(text)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x1000, "power-on"),
        (0x1020, "power-on, watchdog full"),
        (0x20, "watchdog full"),
        (0x400, "software hard"),
        (0x555, "halt"),
        (0x1555, "power-on, halt"),
        (0x455, "software hard, watchdog hard, watchdog quick, debugger hard, debugger quick"),
        (0x0, None),
        (0xFFFF_E888, None),
        (None, None),
    ],
)
def test_reset_cause(word: int | None, expected: str | None) -> None:
    """Each bit of the register has its words; that of a system that was halted is known as a whole."""
    assert vcgencmd.reset_cause(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (1, "over-voltage"),
        (2, "under-voltage"),
        (4, "over-temperature"),
        (8, "enable signal"),
        (16, "watchdog"),
        (0xFFFF_FFE0, None),
    ],
)
def test_power_chip_reset(word: int, expected: str | None) -> None:
    """Each bit of the power chip's register has its words, and no other bit means anything."""
    assert vcgencmd.power_chip_reset(word) == expected


@vectors("ring")
def test_ring_oscillator(text: str, expected: tuple[float, float, float] | None) -> None:
    """One reply gives a speed, a voltage and a temperature."""
    assert expected == vcgencmd.ring_oscillator(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("read_ring_osc(2)=9.368MHz (@55.0000V) (46.6'C)", id="over 10 V"),
        pytest.param("read_ring_osc(2)=9.368MHz (@0.8749V) (999.9'C)", id="outside -40..150"),
        pytest.param("read_ring_osc(2)=9.368MHz (@0.8749V)", id="truncated"),
    ],
)
def test_ring_oscillator_all_or_nothing(text: str) -> None:
    """If one of the three cannot be, none of them is believed."""
    assert vcgencmd.ring_oscillator(text) is None


@vectors("version")
def test_version(text: str, expected: str) -> None:
    """The firmware names itself in three lines, in an older and a newer form."""
    assert expected == vcgencmd.build_date(text)


def test_version_date_has_single_blanks() -> None:
    """A day of one digit, which the firmware pads with a blank, reads like any other."""
    actual = vcgencmd.build_date(VERSION_PI_4.replace("Mar 17", "Mar  7"))

    assert actual == "Mar 7 2023 10:50:56"


@pytest.mark.parametrize("text", [UNREGISTERED, "version\n", VERSION_PI_5 + "more", VERSION_PI_5[:60]])
def test_version_in_full(text: str) -> None:
    """A version with a line too few or too many is none."""
    assert vcgencmd.build_date(text) is None


@vectors("blver")
def test_bootloader_version(text: str, expected: tuple[int | None, int | None]) -> None:
    """The bootloader names itself in lines, each of which may be missing."""
    assert expected == vcgencmd.bootloader_version(text)


def test_bootloader_of_2020() -> None:
    """A bootloader that does not speak of updates is still known by its time."""
    text = "\n".join(BOOTLOADER_PI_5.splitlines()[:3])

    assert vcgencmd.bootloader_version(text) == (1779807685, None)


def test_bootloader_numbers_have_32_bits() -> None:
    """A time that does not fit 32 bits is none, and takes nothing else with it."""
    text = BOOTLOADER_PI_5.replace("1779807685", "9999999999")

    assert vcgencmd.bootloader_version(text) == (None, 0)


@vectors("config")
def test_config(text: str, expected: dict[str, int | str]) -> None:
    """A setting is a number where it is written as one, and else a text."""
    assert expected == vcgencmd.config(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(INVALID, {}, id="an error is no item"),
        pytest.param("ioctl_set_msg failed:-1\nget_config int\n", {}, id="nor is an echo"),
        pytest.param("total_mem=8192\ntotal_mem=1", {"total_mem": 8192}, id="first wins"),
        pytest.param("os_prefix=", {"os_prefix": ""}, id="empty"),
        pytest.param("arm_freq=99999999999", {"arm_freq": "99999999999"}, id="too long for a number"),
    ],
)
def test_config_edges(text: str, expected: dict[str, int | str]) -> None:
    """Only items are taken, each once, and no number grows without bound."""
    assert expected == vcgencmd.config(text)


@vectors("pmic")
def test_pmic(text: str, expected: tuple[int, int, float | None]) -> None:
    """Rails are paired by name, and only those with a current and a voltage have a power."""
    actual = vcgencmd.pmic(text)

    assert expected == (len(actual.amperes), len(actual.volts), actual.total)


def test_pmic_of_a_pi_5() -> None:
    """The 26 lines of a Pi 5 are 12 currents and 14 voltages, which make 1.7667 W."""
    actual = vcgencmd.pmic(PMIC_PI_5)

    assert (len(actual.amperes), len(actual.volts), actual.total) == (12, 14, 1.7667)
    assert (actual.amperes["VDD_CORE"], actual.volts["VDD_CORE"]) == (0.56259, 0.7679846)
    assert {"EXT5V", "BATT"} == actual.volts.keys() - actual.amperes.keys()


@vectors("classify")
def test_classify(text: tuple[int, str, str], expected: str) -> None:
    """What came of a command is told by what it printed before its exit status is looked at."""
    assert expected == vcgencmd.classify(*text)


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "expected"),
    [
        pytest.param(
            255, "VCHI connection failed\n", "", Category.NO_ACCESS, id="userland tool, second text"
        ),
        pytest.param(
            255,
            "vc_gencmd_read_response returned -1\n\n",
            "gencmd length too long : 5000",
            Category.FAILED,
            id="too long a question",
        ),
        pytest.param(0, 'error=3 error_msg="?"\n', "", Category.FAILED, id="an error of another number"),
        pytest.param(-4, "", "", Category.FAILED, id="killed by a signal"),
        pytest.param(0, "x" * 9000, "", Category.FAILED, id="longer than any reply"),
        pytest.param(1, "temp=48.3'C\n", "", Category.FAILED, id="a reply, but a failure"),
    ],
)
def test_classify_edges(status: int, stdout: str, stderr: str, expected: Category) -> None:
    """What is neither a reply nor a known failure is a failure."""
    assert expected is vcgencmd.classify(status, stdout, stderr)


def test_categories_are_words() -> None:
    """The categories have the names that the table of vectors gives them."""
    assert {"ok", "no_access", "unsupported", "bad_args", "transport", "empty", "failed"} == set(Category)


HOSTILE = st.one_of(
    ANY_TEXT,
    REPEATED,
    st.builds(
        str.__mul__,
        st.sampled_from(["9", " ", "\n", "0.", "A_", "=", "_A current(1)=1.0A\n"]),
        st.integers(1, 1000),
    ),
    spliced(vectors.texts),
)


@pytest.mark.parametrize(
    ("parse", "low", "high"),
    [
        (vcgencmd.temperature, -40, 150),
        (vcgencmd.clock, 0, 10_000_000_000),
        (vcgencmd.volts, 0, 10),
        (vcgencmd.throttled, 0, 0xFFFF_FFFF),
        (vcgencmd.reset_status, 0, 0xFFFF_FFFF),
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
def test_records_are_bounded(text: str) -> None:
    """Whatever the text, names are short ASCII and readings are those of a board."""
    rails = vcgencmd.pmic(text)
    name, mebibytes = vcgencmd.memory(text) or ("", 0)
    found = vcgencmd.build_date(text)

    assert all(0 <= value < 100 for value in (*rails.amperes.values(), *rails.volts.values()))
    assert all(key.isascii() and len(key) <= 32 for key in (*rails.amperes, *rails.volts, name))
    assert 0 <= mebibytes < 1_000_000
    assert found is None or found.isprintable()
    assert all(len(key) <= 64 and str(value).isascii() for key, value in vcgencmd.config(text).items())
    assert all(seconds is None or 0 <= seconds < 1 << 32 for seconds in vcgencmd.bootloader_version(text))
    assert vcgencmd.ring_oscillator(text) is None or "MHz" in text


@given(status=st.integers(-64, 255), stdout=HOSTILE, stderr=HOSTILE)
def test_classify_always_answers(status: int, stdout: str, stderr: str) -> None:
    """Whatever a command printed, it falls into one category, and a failure never into `ok`."""
    actual = vcgencmd.classify(status, stdout, stderr)

    assert actual in Category
    assert status == 0 or actual is not Category.OK


@given(word=st.integers())
def test_flags_of_any_word(word: int) -> None:
    """Whatever the word, there are eight flags, and each is true or false."""
    assert {True, False} >= set(vcgencmd.flags(word).values())
