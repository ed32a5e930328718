"""What vcgencmd answers: vectors 1-75 of the Raspberry Pi hardware fact sheet, section E, and its samples."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vectors import ANY_TEXT, PATIENCE, REPEATED, Vector, Vectors, spliced

from pistat import replies
from pistat.replies import Category

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
VDD_CORE = "     VDD_CORE_A current(7)=0.56259000A\n     VDD_CORE_V volt(15)=0.76798460V\n"
VDD_CORE_HIGHER = "     VDD_CORE_A current(7)=9.56259000A\n     VDD_CORE_V volt(15)=0.76798460V\n"
VERSION_PI_5 = "2026/05/11 12:20:02 \nCopyright (c) 2012 Broadcom\nversion 66f33f7e (release) (embedded)\n"
VERSION_PI_4 = (
    "Mar 17 2023 10:50:56 \nCopyright (c) 2012 Broadcom\n"
    "version 82f3750a65fadae9a38077e3c2e217ad158c8d54 (clean) (release) (start_cd)\n"
)
BOOTLOADER_PI_5 = (
    "2026/05/26 16:01:25\nversion 086b83e3332dfc8927c56762771d082f3077a1ae (release)\n"
    "timestamp 1779807685\nupdate-time 0\ncapabilities 0x0000007f\n"
)
UNREGISTERED = 'error=1 error_msg="Command not registered"'
INVALID = 'error=2 error_msg="Invalid arguments"\n'
MKNOD = "Try creating a device file with: sudo mknod /dev/vcio c 100 0\n"
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


@vectors(
    Vector(1, "temp=48.3'C\n", 48.3, "normal"),
    Vector(2, "temp=46.6'C \n", 46.6, "trailing space seen on Pi 5"),
    Vector(3, "temp=-5.0'C\n", -5.0, "cold start, negative"),
    Vector(4, "temp=48,3'C\n", None, "comma: firmware never localises; reject"),
    Vector(5, "temp=4", None, "truncated"),
    Vector(6, "", None, "empty"),
    Vector(7, "\n", None, "empty reply is a single newline"),
    Vector(8, "temp=nan'C", None),
    Vector(9, "temp=999.9'C", None, "outside -40..150"),
    Vector(10, "temp=\u0664\u0668.3'C", None, "non-ASCII digits; plain \\d would accept"),
    Vector(11, "measure_temp\n", None, "command echoed after ioctl failure, rc 0"),
    Vector(12, "temp=48.3'C\ntemp=99.9'C", None, "two answers"),
    Vector(13, "temp=48.3'C\x00junk", None, "embedded NUL"),
    Vector(14, "\x1b[31mtemp=48.3'C", None, "ANSI escape"),
    Vector(15, "temp=48.3'C<script>", None, "markup"),
    Vector(16, "temp=" + "9" * 9000, None, "9 kB; reject on length first"),
)
def test_temperature(text: str, expected: float | None) -> None:
    """A temperature is accepted only if the reply matches in full, and is one that a board can have."""
    assert expected == replies.temperature(text)


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
    assert replies.temperature(text) is None


@vectors(
    Vector(17, "frequency(48)=1500345728\n", 1500345728, "Pi 4 arm"),
    Vector(18, "frequency(0)=1600020224\n", 1600020224, "Pi 5 arm, index 0"),
    Vector(19, "frequency(45)=1100000000", 1100000000, "Pi Zero W arm 2018"),
    Vector(20, "frequency(0)=0", 0, "idle block OR unknown name"),
    Vector(21, "frequency(48)=", None, "truncated"),
    Vector(22, "frequency(48)=-1", None),
    Vector(23, "frequency(48)=99999999999", None, "99.9 GHz, over 10 GHz bound"),
    Vector(24, INVALID, None, "rc 0, so text must be checked"),
)
def test_clock(text: str, expected: int | None) -> None:
    """A frequency counts whatever number stands in the brackets, and only up to 10 GHz."""
    assert expected == replies.clock(text)


@vectors(
    Vector(25, "volt=0.8563V\n", 0.8563, "Pi 4"),
    Vector(26, "volt=0.7200V", 0.72, "Pi 5 idle"),
    Vector(27, "volt=0,8563V", None),
    Vector(28, "volt=55.0000V", None, "over 10 V"),
)
def test_volts(text: str, expected: float | None) -> None:
    """A voltage is accepted up to 10 V."""
    assert expected == replies.volts(text)


@vectors(
    Vector(29, "arm=948M\n", ("arm", 948), "Pi 4; sum capped at 1 GiB"),
    Vector(30, "gpu=76M", ("gpu", 76)),
    Vector(31, "reloc_free=0M", ("reloc_free", 0), "unknown name answers 0"),
)
def test_memory(text: str, expected: tuple[str, int] | None) -> None:
    """A size of memory comes with its name, so that an answer to another question can be told."""
    assert expected == replies.memory(text)


@vectors(
    Vector(32, "throttled=0x0\n", 0x0),
    Vector(33, "throttled=0x50005", 0x50005),
    Vector(34, "throttled=0xE0008", 0xE0008, "accept upper case"),
    Vector(35, "throttled=0x", None),
    Vector(36, "throttled=50005", None, "no 0x: sysfs form, different parser"),
    Vector(37, "throttled=0xFFFFFFFFFF", None, "more than 32 bits"),
    Vector(38, "throttled=notahex", None),
)
def test_throttled(text: str, expected: int | None) -> None:
    """The throttle bits are hexadecimal with a 0x, and at most 32."""
    assert expected == replies.throttled(text)


@vectors(
    Vector(39, 0x50005, ["uv", "thr", "uv_was", "thr_was"]),
    Vector(40, 0x50000, ["uv_was", "thr_was"]),
    Vector(41, 0x80008, ["soft", "soft_was"]),
    Vector(42, 0x60002, ["cap", "cap_was", "thr_was"]),
    Vector(43, 0xE0008, ["soft", "cap_was", "thr_was", "soft_was"]),
    Vector(44, 0xF000F, ["uv", "cap", "thr", "soft", "uv_was", "cap_was", "thr_was", "soft_was"]),
    Vector(45, 0xFFF0FFF0, [], "only reserved bits set: nothing to report"),
)
def test_flags(text: int, expected: list[str]) -> None:
    """All eight flags are always answered, and each is true exactly if its own bit is set."""
    actual = replies.flags(text)

    assert SHORT_NAMES.keys() == actual.keys()
    assert expected == [short for name, short in SHORT_NAMES.items() if actual[name]]


@vectors(
    Vector(46, "get_rsts=1000\n", 0x1000, "hex: power-on"),
    Vector(47, "get_rsts=20", 0x20, "not decimal 20"),
    Vector(48, "get_rsts=", None),
)
def test_reset_status(text: str, expected: int | None) -> None:
    """The reset status is hexadecimal, although it does not look it."""
    assert expected == replies.reset_status(text)


@vectors(
    Vector(49, "read_ring_osc(2)=9.368MHz (@0.8749V) (46.6'C)", (9.368, 0.8749, 46.6), "Pi 5"),
    Vector(50, "read_ring_osc(2)=2.394MHz (@0.8455V) (43.0'C)\n", (2.394, 0.8455, 43.0), "Pi 4"),
)
def test_ring_oscillator(text: str, expected: tuple[float, float, float] | None) -> None:
    """One reply gives a speed, a voltage and a temperature."""
    assert expected == replies.ring_oscillator(text)


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
    assert replies.ring_oscillator(text) is None


@vectors(
    Vector(51, VERSION_PI_5, ("2026/05/11 12:20:02", "66f33f7e", ("release", "embedded")), "Pi 5"),
    Vector(
        52,
        VERSION_PI_4,
        (
            "Mar 17 2023 10:50:56",
            "82f3750a65fadae9a38077e3c2e217ad158c8d54",
            ("clean", "release", "start_cd"),
        ),
        "pre-Pi 5 format",
    ),
)
def test_version(text: str, expected: tuple[str, str, tuple[str, ...]]) -> None:
    """The firmware names itself in three lines, in an older and a newer form."""
    assert expected == replies.version(text)


def test_version_date_has_single_blanks() -> None:
    """A day of one digit, which the firmware pads with a blank, reads like any other."""
    actual = replies.version(VERSION_PI_4.replace("Mar 17", "Mar  7"))

    assert actual is not None
    assert actual.date == "Mar 7 2023 10:50:56"


@pytest.mark.parametrize("text", [UNREGISTERED, "version\n", VERSION_PI_5 + "more", VERSION_PI_5[:60]])
def test_version_in_full(text: str) -> None:
    """A version with a line too few or too many is none."""
    assert replies.version(text) is None


@vectors(
    Vector(53, BOOTLOADER_PI_5, ("086b83e3", 1779807685, 0, 127), "update-time 0 = never self-updated"),
    Vector(54, UNREGISTERED, (None, None, None, None), "Pi 3 and older"),
)
def test_bootloader_version(
    text: str, expected: tuple[str | None, int | None, int | None, int | None]
) -> None:
    """The bootloader names itself in lines, each of which may be missing."""
    assert expected == replies.bootloader_version(text)


def test_bootloader_of_2020() -> None:
    """A bootloader that does not speak of updates is still known by its commit and its time."""
    text = "\n".join(BOOTLOADER_PI_5.splitlines()[:3])

    assert replies.bootloader_version(text) == ("086b83e3", 1779807685, None, None)


def test_bootloader_numbers_have_32_bits() -> None:
    """A time or a set of bits that does not fit 32 bits is none, and takes nothing else with it."""
    text = BOOTLOADER_PI_5.replace("1779807685", "9999999999").replace("0x0000007f", "0x10000007f")

    assert replies.bootloader_version(text) == ("086b83e3", None, 0, None)


@vectors(
    Vector(
        55,
        "desired_osc_freq=0x36ee80\ncamera_auto_detect=-1",
        {"desired_osc_freq": 3600000, "camera_auto_detect": -1},
    ),
    Vector(56, "gpu_mem is unknown", {}, "rc 0"),
    Vector(57, "overlay_prefix=overlays/", {"overlay_prefix": "overlays/"}),
    Vector(58, "arm_freq=0800", {"arm_freq": "0800"}, "leading zero: int(x,0) raises, keep text"),
)
def test_config(text: str, expected: dict[str, int | str]) -> None:
    """A setting is a number where it is written as one, and else a text."""
    assert expected == replies.config(text)


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
    assert expected == replies.config(text)


@vectors(
    Vector(59, VDD_CORE, (1, 1, 0.4321)),
    Vector(60, "EXT5V_V volt(24)=5.14158000V", (0, 1, None), "voltage only"),
    Vector(61, "VDD_CORE_A current(7)=0.5", (0, 0, None), "truncated"),
    Vector(62, "", (0, 0, None)),
    Vector(63, VDD_CORE + VDD_CORE_HIGHER, (1, 1, 0.4321), "duplicate: first wins"),
    Vector(
        64,
        "VDD_CORE_A current(7)=-0.50000000A\nVDD_CORE_V volt(15)=0.76798460V",
        (0, 1, None),
        "negative current rejected",
    ),
    Vector(65, "<b>_A current(1)=1.0A\nX_A volt(1)=1.0V", (0, 0, None), "markup; unit mismatch"),
)
def test_pmic(text: str, expected: tuple[int, int, float | None]) -> None:
    """Rails are paired by name, and only those with a current and a voltage have a power."""
    actual = replies.pmic(text)

    assert expected == (len(actual.amperes), len(actual.volts), actual.watts)


def test_pmic_of_a_pi_5() -> None:
    """The 26 lines of a Pi 5 are 12 currents and 14 voltages, which make 1.7667 W."""
    actual = replies.pmic(PMIC_PI_5)

    assert (len(actual.amperes), len(actual.volts), actual.watts) == (12, 14, 1.7667)
    assert (actual.amperes["VDD_CORE"], actual.volts["VDD_CORE"]) == (0.56259, 0.7679846)
    assert {"EXT5V", "BATT"} == actual.volts.keys() - actual.amperes.keys()


@vectors(
    Vector(66, (0, "temp=48.3'C\n"), Category.OK),
    Vector(67, (255, "Can't open device file: /dev/vcio_gencmd\n"), Category.NO_ACCESS, "new tool"),
    Vector(68, (255, "Can't open device file: /dev/vcio\n" + MKNOD), Category.NO_ACCESS, "old tool"),
    Vector(69, (255, "VCHI initialization failed\n"), Category.NO_ACCESS, "userland tool"),
    Vector(70, (255, f"vc_gencmd_read_response returned -1\n{UNREGISTERED}\n"), Category.UNSUPPORTED),
    Vector(71, (0, INVALID), Category.BAD_ARGS, "rc 0"),
    Vector(72, (0, "ioctl_set_msg failed:-1\nmeasure_temp\n"), Category.TRANSPORT, "rc 0"),
    Vector(73, (0, "\n"), Category.EMPTY),
    Vector(74, (132, ""), Category.FAILED, "illegal instruction, wrong ABI build"),
    Vector(75, (254, "", UNREGISTERED + "\n"), Category.UNSUPPORTED, "userland tool: stderr, exit -2"),
)
def test_classify(text: tuple[int, str, str], expected: Category) -> None:
    """What came of a command is told by what it printed before its exit status is looked at."""
    assert expected is replies.classify(*text)


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
    assert expected is replies.classify(status, stdout, stderr)


def test_categories_are_words() -> None:
    """The categories are the words of the sheet."""
    assert {"ok", "no_access", "unsupported", "bad_args", "transport", "empty", "failed"} == set(Category)


def test_no_vector_is_missing() -> None:
    """Each of the vectors 1 to 75 is tested, once."""
    assert list(range(1, 76)) == sorted(vectors.seen)


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
        (replies.temperature, -40, 150),
        (replies.clock, 0, 10_000_000_000),
        (replies.volts, 0, 10),
        (replies.throttled, 0, 0xFFFF_FFFF),
        (replies.reset_status, 0, 0xFFFF_FFFF),
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
def test_records_are_bounded(text: str) -> None:
    """Whatever the text, names are short ASCII and readings are those of a board."""
    rails = replies.pmic(text)
    name, mebibytes = replies.memory(text) or ("", 0)
    found = replies.version(text)

    assert all(0 <= value < 100 for value in (*rails.amperes.values(), *rails.volts.values()))
    assert all(key.isascii() and len(key) <= 32 for key in (*rails.amperes, *rails.volts, name))
    assert 0 <= mebibytes < 1_000_000
    assert found is None or "".join(found[:2]).isprintable()
    assert all(len(key) <= 64 and str(value).isascii() for key, value in replies.config(text).items())
    assert all(each is None or each != "" for each in replies.bootloader_version(text))
    assert replies.ring_oscillator(text) is None or "MHz" in text


@given(status=st.integers(-64, 255), stdout=HOSTILE, stderr=HOSTILE)
@settings(deadline=PATIENCE)
def test_classify_always_answers(status: int, stdout: str, stderr: str) -> None:
    """Whatever a command printed, it falls into one category, and a failure never into `ok`."""
    actual = replies.classify(status, stdout, stderr)

    assert actual in Category
    assert status == 0 or actual is not Category.OK


@given(word=st.integers())
def test_flags_of_any_word(word: int) -> None:
    """Whatever the word, there are eight flags, and each is true or false."""
    assert {True, False} >= set(replies.flags(word).values())
