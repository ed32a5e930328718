"""130 texts of firmware and kernel with what a parser must make of each, and texts that nobody foresaw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st


class Vector(NamedTuple):
    """A row of the table.

    Attributes:
        number: Its number, which never changes.
        parser: What reads it, in a word; the test of that parser has the function's name.
        text: What the parser is given; several arguments as a tuple.
        expected: What it must make of it.
        source: Where such a text was seen or is specified.
        note: What to know about it.
    """

    number: int
    parser: str
    text: Any
    expected: object
    source: str
    note: str = ""


CAPTURES = "as owners of such boards have published it, in issues and forums"
CPUFREQ = "torvalds/linux, drivers/cpufreq/cpufreq.c"
DEVICE_TREE = "raspberrypi/linux, /proc/device-tree"
DOC = "raspberrypi/documentation, os utilities and revision codes"
HWMON = "raspberrypi/linux, drivers/hwmon/raspberrypi-hwmon.c"
MADE = "made up: damaged, forged or out of range"
MMC = "torvalds/linux, drivers/mmc/core/mmc.c"
NET_SYSFS = "torvalds/linux, Documentation/ABI/testing/sysfs-class-net"
P5X = "bcrisp4/pi5_exporter, captures of a live Pi 5"
REVISIONS = "raspberrypi/utils, raspirev.7"
SNMP_ROWS = "torvalds/linux, net/ipv4/proc.c"
THERMAL = "raspberrypi/linux, drivers/thermal/broadcom"
USB_NAMES = "the names of /sys/bus/usb/devices, linux-usb FAQ"
UTILS = "raspberrypi/utils, vcgencmd/vcgencmd.c"
WEXT = "torvalds/linux, net/wireless/wext-proc.c"

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
SNMP = (
    "Ip: Forwarding\nIp: 2\n"
    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens"
    " AttemptFails EstabResets CurrEstab InSegs\n"
    "Tcp: 1 200 120000 -1 10 20 1 2 7 999\n"
)
USB = ["usb1", "usb2", "1-0:1.0", "2-0:1.0", "1-1", "1-1:1.0", "1-1.2", "1-1.2:1.0", "1-1.2:1.1", "2-1"]
CPUINFO = "Revision\t: c03111\nSerial\t\t: 10000000abcdef01\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n"

VECTORS = (
    Vector(1, "temp", "temp=48.3'C\n", 48.3, DOC, "normal"),
    Vector(2, "temp", "temp=46.6'C \n", 46.6, P5X, "trailing space seen on Pi 5"),
    Vector(3, "temp", "temp=-5.0'C\n", -5.0, MADE, "cold start, negative"),
    Vector(4, "temp", "temp=48,3'C\n", None, UTILS, "comma: firmware never localises; reject"),
    Vector(5, "temp", "temp=4", None, MADE, "truncated"),
    Vector(6, "temp", "", None, MADE, "empty"),
    Vector(7, "temp", "\n", None, UTILS, "empty reply is a single newline"),
    Vector(8, "temp", "temp=nan'C", None, MADE),
    Vector(9, "temp", "temp=999.9'C", None, MADE, "outside -40..150"),
    Vector(10, "temp", "temp=\u0664\u0668.3'C", None, MADE, "non-ASCII digits; plain \\d would accept"),
    Vector(11, "temp", "measure_temp\n", None, UTILS, "command echoed after ioctl failure, rc 0"),
    Vector(12, "temp", "temp=48.3'C\ntemp=99.9'C", None, MADE, "two answers"),
    Vector(13, "temp", "temp=48.3'C\x00junk", None, MADE, "embedded NUL"),
    Vector(14, "temp", "\x1b[31mtemp=48.3'C", None, MADE, "ANSI escape"),
    Vector(15, "temp", "temp=48.3'C<script>", None, MADE, "markup"),
    Vector(16, "temp", "temp=" + "9" * 9000, None, MADE, "9 kB; reject on length first"),
    Vector(17, "clock", "frequency(48)=1500345728\n", 1500345728, CAPTURES, "Pi 4 arm"),
    Vector(18, "clock", "frequency(0)=1600020224\n", 1600020224, P5X, "Pi 5 arm, index 0"),
    Vector(19, "clock", "frequency(45)=1100000000", 1100000000, CAPTURES, "Pi Zero W arm 2018"),
    Vector(20, "clock", "frequency(0)=0", 0, P5X, "idle block OR unknown name"),
    Vector(21, "clock", "frequency(48)=", None, MADE, "truncated"),
    Vector(22, "clock", "frequency(48)=-1", None, MADE),
    Vector(23, "clock", "frequency(48)=99999999999", None, MADE, "99.9 GHz, over 10 GHz bound"),
    Vector(24, "clock", INVALID, None, P5X, "rc 0, so text must be checked"),
    Vector(25, "volts", "volt=0.8563V\n", 0.8563, CAPTURES, "Pi 4"),
    Vector(26, "volts", "volt=0.7200V", 0.72, CAPTURES, "Pi 5 idle"),
    Vector(27, "volts", "volt=0,8563V", None, MADE),
    Vector(28, "volts", "volt=55.0000V", None, MADE, "over 10 V"),
    Vector(
        29, "mem", "arm=948M\n", ("arm", 948), "raspberrypi/documentation#1325", "Pi 4; sum capped at 1 GiB"
    ),
    Vector(30, "mem", "gpu=76M", ("gpu", 76), "raspberrypi/documentation#1325"),
    Vector(
        31, "mem", "reloc_free=0M", ("reloc_free", 0), "raspberrypi/firmware#1009", "unknown name answers 0"
    ),
    Vector(32, "throttled", "throttled=0x0\n", 0x0, DOC),
    Vector(33, "throttled", "throttled=0x50005", 0x50005, CAPTURES),
    Vector(34, "throttled", "throttled=0xE0008", 0xE0008, CAPTURES, "accept upper case"),
    Vector(35, "throttled", "throttled=0x", None, MADE),
    Vector(
        36,
        "throttled",
        "throttled=50005",
        None,
        "raspberrypi/linux#2367",
        "no 0x: sysfs form, different parser",
    ),
    Vector(37, "throttled", "throttled=0xFFFFFFFFFF", None, MADE, "more than 32 bits"),
    Vector(38, "throttled", "throttled=notahex", None, MADE),
    Vector(39, "bits", 0x50005, ["uv", "thr", "uv_was", "thr_was"], DOC),
    Vector(40, "bits", 0x50000, ["uv_was", "thr_was"], DOC),
    Vector(41, "bits", 0x80008, ["soft", "soft_was"], DOC),
    Vector(42, "bits", 0x60002, ["cap", "cap_was", "thr_was"], DOC),
    Vector(43, "bits", 0xE0008, ["soft", "cap_was", "thr_was", "soft_was"], DOC),
    Vector(
        44, "bits", 0xF000F, ["uv", "cap", "thr", "soft", "uv_was", "cap_was", "thr_was", "soft_was"], DOC
    ),
    Vector(
        45,
        "bits",
        0xFFF0FFF0,
        [],
        "raspberrypi/documentation#3257",
        "only reserved bits set: nothing to report",
    ),
    Vector(46, "rsts", "get_rsts=1000\n", 0x1000, CAPTURES, "hex: power-on"),
    Vector(47, "rsts", "get_rsts=20", 0x20, CAPTURES, "not decimal 20"),
    Vector(48, "rsts", "get_rsts=", None, MADE),
    Vector(49, "ring", "read_ring_osc(2)=9.368MHz (@0.8749V) (46.6'C)", (9.368, 0.8749, 46.6), P5X, "Pi 5"),
    Vector(
        50, "ring", "read_ring_osc(2)=2.394MHz (@0.8455V) (43.0'C)\n", (2.394, 0.8455, 43.0), CAPTURES, "Pi 4"
    ),
    Vector(
        51,
        "version",
        VERSION_PI_5,
        "2026/05/11 12:20:02",
        CAPTURES,
        "Pi 5",
    ),
    Vector(
        52,
        "version",
        VERSION_PI_4,
        "Mar 17 2023 10:50:56",
        CAPTURES,
        "pre-Pi 5 format",
    ),
    Vector(
        53,
        "blver",
        BOOTLOADER_PI_5,
        (1779807685, 0),
        CAPTURES,
        "update-time 0 = never self-updated",
    ),
    Vector(54, "blver", UNREGISTERED, (None, None), "raspberrypi/utils#39", "Pi 3 and older"),
    Vector(
        55,
        "config",
        "desired_osc_freq=0x36ee80\ncamera_auto_detect=-1",
        {"desired_osc_freq": 3600000, "camera_auto_detect": -1},
        CAPTURES,
    ),
    Vector(56, "config", "gpu_mem is unknown", {}, DOC, "rc 0"),
    Vector(57, "config", "overlay_prefix=overlays/", {"overlay_prefix": "overlays/"}, DOC),
    Vector(
        58, "config", "arm_freq=0800", {"arm_freq": "0800"}, MADE, "leading zero: int(x,0) raises, keep text"
    ),
    Vector(59, "pmic", VDD_CORE, (1, 1, 0.4321), P5X),
    Vector(60, "pmic", "EXT5V_V volt(24)=5.14158000V", (0, 1, None), P5X, "voltage only"),
    Vector(61, "pmic", "VDD_CORE_A current(7)=0.5", (0, 0, None), MADE, "truncated"),
    Vector(62, "pmic", "", (0, 0, None), MADE),
    Vector(63, "pmic", VDD_CORE + VDD_CORE_HIGHER, (1, 1, 0.4321), MADE, "duplicate: first wins"),
    Vector(
        64,
        "pmic",
        "VDD_CORE_A current(7)=-0.50000000A\nVDD_CORE_V volt(15)=0.76798460V",
        (0, 1, None),
        MADE,
        "negative current rejected",
    ),
    Vector(
        65, "pmic", "<b>_A current(1)=1.0A\nX_A volt(1)=1.0V", (0, 0, None), MADE, "markup; unit mismatch"
    ),
    Vector(66, "classify", (0, "temp=48.3'C\n"), "ok", DOC),
    Vector(
        67, "classify", (255, "Can't open device file: /dev/vcio_gencmd\n"), "no_access", UTILS, "new tool"
    ),
    Vector(
        68, "classify", (255, "Can't open device file: /dev/vcio\n" + MKNOD), "no_access", UTILS, "old tool"
    ),
    Vector(
        69,
        "classify",
        (255, "VCHI initialization failed\n"),
        "no_access",
        "DietPi#5970",
        "userland tool",
    ),
    Vector(
        70, "classify", (255, f"vc_gencmd_read_response returned -1\n{UNREGISTERED}\n"), "unsupported", P5X
    ),
    Vector(71, "classify", (0, INVALID), "bad_args", P5X, "rc 0"),
    Vector(
        72,
        "classify",
        (0, "ioctl_set_msg failed:-1\nmeasure_temp\n"),
        "transport",
        "raspberrypi/linux#7230",
        "rc 0",
    ),
    Vector(73, "classify", (0, "\n"), "empty", UTILS),
    Vector(
        74, "classify", (132, ""), "failed", "Hexxeh/rpi-firmware#107", "illegal instruction, wrong ABI build"
    ),
    Vector(
        75,
        "classify",
        (254, "", UNREGISTERED + "\n"),
        "unsupported",
        "raspberrypi/userland, host_applications/linux/apps/gencmd",
        "userland tool: stderr, exit -2",
    ),
    Vector(76, "milli", "48312\n", 48.312, THERMAL),
    Vector(77, "milli", "-1250\n", -1.25, THERMAL),
    Vector(78, "milli", "", None, MADE),
    Vector(
        79, "milli", "-650788984\n", None, "raspberrypi/firmware#133", "bogus value reported historically"
    ),
    Vector(80, "milli", "48.3\n", None, MADE),
    Vector(81, "khz", "1500000\n", 1500000000, CPUFREQ),
    Vector(82, "khz", "<unknown>\n", None, CPUFREQ, "non-numeric kernel text"),
    Vector(83, "alarm", "0\n", False, HWMON),
    Vector(84, "alarm", "1\n", True, HWMON),
    Vector(85, "alarm", "2\n", None, MADE),
    Vector(86, "dtstr", b"Raspberry Pi 5 Model B Rev 1.0\x00", "Raspberry Pi 5 Model B Rev 1.0", DEVICE_TREE),
    Vector(87, "dtstr", b"10000000abcdef01\x00", "10000000abcdef01", DEVICE_TREE),
    Vector(88, "dtstr", b"\x00", None, MADE),
    Vector(89, "dtstr", b"Pi\x00evil", "Pi", MADE, "stop at first NUL"),
    Vector(
        90, "dtstr", b"A\x1b[2JB\xff\x00", "A[2JB\ufffd", MADE, "strip control bytes; still escape in HTML"
    ),
    Vector(91, "be32", b"\x00\xd0Ap", 0xD04170, DEVICE_TREE),
    Vector(92, "rev", "c03111", ("4B", "1.1", 4096, "BCM2711", "Sony UK"), REVISIONS),
    Vector(93, "rev", "a02082", ("3B", "1.2", 1024, "BCM2837", "Sony UK"), REVISIONS),
    Vector(94, "rev", "902120", ("Zero 2 W", "1.0", 512, "BCM2837", "Sony UK"), REVISIONS),
    Vector(95, "rev", "d04170", ("5", "1.0", 8192, "BCM2712", "Sony UK"), REVISIONS),
    Vector(96, "rev", "e04171", ("5", "1.1", 16384, "BCM2712", "Sony UK"), REVISIONS),
    Vector(97, "rev", "9000c1", ("Zero W", "1.1", 512, "BCM2835", "Sony UK"), REVISIONS),
    Vector(
        98,
        "rev",
        "1a02082",
        ("3B", "1.2", 1024, "BCM2837", "Sony UK"),
        REVISIONS,
        "bit 24/25 noise masked off",
    ),
    Vector(
        99, "rev", "f04171", ("5", "1.1", None, "BCM2712", "Sony UK"), REVISIONS, "memory field 7: read DT"
    ),
    Vector(100, "rev", "0010", ("B+", "1.2", 512), DOC),
    Vector(101, "rev", "1000002", ("B", "1.0", 256), DOC, "old style, over-volted prefix"),
    Vector(102, "rev", "0000", None, "raspberrypi/linux#2110", "mainline kernel"),
    Vector(103, "rev", "zzz", None, MADE),
    Vector(
        104, "rev", "b0ffff", ("type 0xff", "1.15", 2048, None, "Sony UK"), MADE, "unknown type and SoC 15"
    ),
    Vector(
        105,
        "wireless",
        " wlan0: 0000   51.  -59.  -256        0      0      0    189      0        0\n",
        {"wlan0": (51, -59)},
        WEXT,
    ),
    Vector(106, "wireless", "", {}, "rtl8192eu#111", "no interface"),
    Vector(
        107,
        "wireless",
        "p2p0: 0000    0     0     0        0      0      0      0      0        0\n",
        {"p2p0": (0, None)},
        WEXT,
        "not associated",
    ),
    Vector(108, "wireless", " wlan0: 0000   51.", {}, MADE, "truncated"),
    Vector(
        109,
        "wireless",
        " wlan0: 0000   70   -40   -256        0      0      0      0      0        0\n",
        {"wlan0": (70, -40)},
        WEXT,
        "no dots: value not updated since last read",
    ),
    Vector(110, "estab", SNMP, 7, SNMP_ROWS),
    Vector(111, "estab", "Tcp: CurrEstab RtoMin\nTcp: 3 200\n", 3, SNMP_ROWS, "column found by name"),
    Vector(112, "estab", "Tcp: RtoMin CurrEstab\nTcp: 200\n", None, SNMP_ROWS, "short value row"),
    Vector(113, "speed", 1000, 1000, NET_SYSFS),
    Vector(114, "speed", -1, None, "node_exporter#1967", "unknown"),
    Vector(115, "speed", None, None, "rtl8852au#31", "EINVAL"),
    Vector(116, "speed", 4294967295, None, NET_SYSFS, "unsigned -1"),
    Vector(117, "usb", (USB,), 3, USB_NAMES, "1-1, 1-1.2, 2-1"),
    Vector(118, "usb", (USB, {"1-1": "09"}), 2, USB_NAMES, "hub dropped"),
    Vector(119, "usb", ([],), 0, USB_NAMES),
    Vector(120, "usb", (["usb1", "1-0:1.0"],), 0, USB_NAMES, "root hub only"),
    Vector(121, "usb", (["../../etc", "1-1.1.4.2"],), 1, MADE),
    Vector(122, "life", "0x01 0x02\n", (1, 2), MMC),
    Vector(123, "life", "0x0b 0x01", (11, 1), MMC, "0x0B = past rated life"),
    Vector(124, "eol", "01\n", "normal", MMC, "older kernels"),
    Vector(125, "eol", "0x01\n", "normal", MMC, "newer kernels"),
    Vector(126, "eol", "0x03", "urgent", MMC),
    Vector(127, "eol", "0x00", None, MMC),
    Vector(128, "eol", "zz", None, MMC),
    Vector(
        129,
        "cpuinfo",
        CPUINFO,
        {"Revision": "c03111", "Serial": "10000000abcdef01", "Model": "Raspberry Pi 4 Model B Rev 1.1"},
        "raspberrypi/linux#5690",
    ),
    Vector(
        130, "cpuinfo", "processor\t: 0\n", {}, "raspberrypi/linux#2110", "mainline arm64: no board lines"
    ),
)


class Vectors:
    """Hands the rows of VECTORS to the tests of a module.

    Attributes:
        parsers: Whose rows were handed out.
        texts: Their inputs, as far as they are texts, and further samples.
    """

    def __init__(self, *samples: str) -> None:
        self.parsers: list[str] = []
        self.texts = list(samples)

    def __call__(self, parser: str) -> pytest.MarkDecorator:
        """Run a test over the rows of one parser."""
        rows = [each for each in VECTORS if each.parser == parser]
        self.parsers.append(parser)
        self.texts.extend(each.text for each in rows if isinstance(each.text, str))
        cases = [
            pytest.param(each.text, each.expected, id=f"{each.number} {each.note}".strip()) for each in rows
        ]
        return pytest.mark.parametrize(("text", "expected"), cases)


ANY_TEXT = st.text(st.characters())
REPEATED = st.builds(str.__mul__, st.text(st.characters(), min_size=1, max_size=20), st.integers(1, 1000))


def _spliced(text: str, start: int, length: int, piece: str) -> str:
    return text[:start] + piece + text[start + length :]


def spliced(texts: Sequence[str]) -> st.SearchStrategy[str]:
    """One of `texts`, with something else in place of a part."""
    return st.builds(_spliced, st.sampled_from(texts), st.integers(0, 99), st.integers(0, 9), ANY_TEXT)
