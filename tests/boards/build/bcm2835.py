"""The first Raspberry Pis: 1, Zero and Compute Module, with one core of 32 bits."""

from __future__ import annotations

from boards.build.common import (
    emmc,
    ext4,
    few,
    loopback,
    mac,
    sd_card,
    system_disk,
    usb_roots,
    wifi,
    wired,
)
from boards.build.parts import Cpu, Interface, Memory, System, Usb
from boards.build.socs import BCM2835, OLD_INDICES, lines, pi

SMALL = Memory(187_044, 20_120, 100_404, 80_200)
"""What is left of 256 MB."""

PI_1B = pi(
    "pi1b-rev1",
    BCM2835,
    "Raspberry Pi Model B Rev 1",
    "1000002",
    48_312,
    note="The oldest: a code of the old sequence with the bit for over-volting, an old kernel whose sensor"
    " is called cpu-thermal, no rpi_volt, and vcgencmd where it once lay.",
    system=System("Raspbian GNU/Linux 10 (buster)", "4.14.98+", "armv6l", 32),
    lines=("Hardware\t: BCM2835", *lines("1000002", "0000000012345678", "Raspberry Pi Model B Rev 1")),
    serial="0000000012345678",
    memory=SMALL,
    storage=system_disk(
        "mmcblk0", "179:0", 15_523_840, sd_card("SU08G", "0x000003", "02/2012"), boot="/boot"
    ),
    interfaces=(loopback(120), wired("eth0", 11, speed=100)),
    usb=(*usb_roots(1), Usb("1-1", "09", ("09",)), Usb("1-1.1", "ff", ("ff",))),
    chips=(("cpu-thermal", {"temp1_input": 48_312, "temp1_crit": 80_000}),),
    firmware={
        "tool": "opt/vc/bin/vcgencmd",
        "memory": (192, 64),
        "version": (
            "Sep  3 2020 13:11:43 ",
            "Copyright (c) 2012 Broadcom",
            "version c0ffee0123456789abcdef0123456789abcdef02 (clean) (release) (start)",
        ),
    },
)

PI_1A = pi(
    "pi1a-offline",
    BCM2835,
    "Raspberry Pi Model A Rev 2",
    "0008",
    39_546,
    note="No network but loopback, nothing on USB, no clock that runs on: it has booted in 1970, as far as"
    " it knows. It swaps to a file. The number after Rev is not confirmed.",
    time=120.5,
    uptime=110.25,
    memory=Memory(187_044, 9_120, 60_404, 50_200, swap=102_396, swap_free=61_440),
    storage=system_disk("mmcblk0", "179:0", 7_744_512, sd_card("SD04G", "0x00001b", "11/2013")),
    interfaces=(loopback(12),),
    connections=0,
    usb=usb_roots(1),
    processes=few(start=40.5),
    firmware={"memory": (192, 64), "reset": "20"},
)

PI_1B_PLUS = pi(
    "pi1b-plus-readonly",
    BCM2835,
    "Raspberry Pi Model B Plus Rev 1.2",
    "0010",
    52_078,
    note="Its card began to fail, so the kernel has remounted the root filesystem read-only. It is the"
    " first model that notices a low supply, and has noticed one.",
    memory=Memory(443_080, 60_120, 300_404, 250_200),
    storage=system_disk(
        "mmcblk0",
        "179:0",
        31_116_288,
        sd_card("APPSD", "0x000009", "04/2019"),
        root=ext4("179:2", "/dev/mmcblk0p2", 31_116_288, options="ro,noatime", extra="ro,errors=remount-ro"),
    ),
    interfaces=(loopback(620), wired("eth0", 13, speed=100)),
    usb=(
        *usb_roots(1),
        Usb("1-1", "09", ("09",)),
        Usb("1-1.1", "ff", ("ff",)),
        Usb("1-1.4", "00", ("03", "03")),
    ),
    firmware={"throttled": "0x10000"},
)

PI_1A_PLUS = pi(
    "pi1a-plus-dongle",
    BCM2835,
    "Raspberry Pi Model A Plus Rev 1.1",
    "0015",
    44_388,
    note="A Wi-Fi dongle whose driver keeps no file in /proc/net (rtl8192eu#111). Its"
    " code stands for 256 and for 512 MB.",
    memory=Memory(443_080, 90_120, 330_404, 240_200),
    wext=False,
    storage=system_disk("mmcblk0", "179:0", 31_116_288, sd_card("SC16G", "0x000003", "07/2016")),
    interfaces=(loopback(80), wifi("wlan0", 14, -71, "nl80211", power_save=False)),
    usb=(*usb_roots(1), Usb("1-1", "00", ("ff",))),
)

CM_1 = pi(
    "cm1-emmc",
    BCM2835,
    "Raspberry Pi Compute Module Rev 1.0",
    "0011",
    46_770,
    note="A soldered eMMC from before the standard had wear: both areas undefined, no state of its spare"
    " blocks, in the form of older kernels. A module cannot tell a low supply.",
    memory=Memory(443_080, 200_120, 380_404, 150_200),
    storage=system_disk(
        "mmcblk0", "179:0", 7_634_944, emmc("M4G1EM", "0x000045", "09/2014", "0x00 0x00", "00")
    ),
    interfaces=(loopback(40),),
    connections=0,
    usb=usb_roots(1),
)

ZERO = pi(
    "zero-gadget",
    BCM2835,
    "Raspberry Pi Zero Rev 1.3",
    "900093",
    41_160,
    note="It hangs on the USB port of another computer and has its network from there. Its model string is"
    " not confirmed.",
    cpu=Cpu(BCM2835.narrow, ((1_000_000, 700_000, 1_000_000, "ondemand"),)),
    memory=Memory(443_080, 150_120, 350_404, 180_200, swap=102_396, swap_free=102_396),
    storage=system_disk("mmcblk0", "179:0", 31_116_288, sd_card("SL16G", "0x000003", "12/2020")),
    interfaces=(
        loopback(60),
        Interface(
            "usb0",
            mac(16),
            (1_402_110, 9_114, 0, 0),
            (902_118, 7_120, 0, 0),
            (("169.254.16.16", "255.255.0.0"),),
            speed=425,
        ),
    ),
    usb=usb_roots(1),
    firmware={"clocks": BCM2835.firmware.clocks | {"arm": 1_000_000_000, "core": 400_000_000}},
)

ZERO_W = pi(
    "zerow-2018",
    BCM2835,
    "Raspberry Pi Zero W Rev 1.1",
    "9000c1",
    37_932,
    note="Every clock is that of a capture of 2018, with the numbers of the older firmware. Its Wi-Fi is"
    " up, but not associated.",
    system=System("Raspbian GNU/Linux 11 (bullseye)", "5.10.103+", "armv6l", 32),
    cpu=Cpu(BCM2835.narrow, ((1_000_000, 700_000, 1_000_000, "ondemand"),)),
    memory=Memory(443_080, 110_120, 330_404, 190_200, swap=102_396, swap_free=100_300),
    storage=system_disk(
        "mmcblk0", "179:0", 31_116_288, sd_card("SL16G", "0x000003", "05/2018"), boot="/boot"
    ),
    interfaces=(
        loopback(70),
        Interface("wlan0", mac(17), (40_118, 302, 0, 9), (9_118, 77, 0, 0), state="dormant", wireless="wext"),
    ),
    usb=usb_roots(1),
    firmware={
        "clocks": {
            "arm": 1100000000,
            "core": 400000000,
            "h264": 300000000,
            "isp": 300000000,
            "v3d": 300000000,
            "uart": 0,
            "pwm": 0,
            "emmc": 200000000,
            "pixel": 74250000,
            "vec": 0,
            "hdmi": 163683000,
            "dpi": 0,
        },
        "indices": OLD_INDICES,
    },
)

BOARDS = (PI_1B, PI_1A, PI_1B_PLUS, PI_1A_PLUS, CM_1, ZERO, ZERO_W)
