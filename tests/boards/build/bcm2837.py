"""Raspberry Pi 2 and 3, Zero 2 and Compute Module 3, with four cores."""

from __future__ import annotations

from boards.build import state
from boards.build.common import (
    FIVE_GHZ,
    emmc,
    ext4,
    household,
    loopback,
    mac,
    memory_disks,
    sd_card,
    system_disk,
    usb_roots,
    wifi,
    wired,
)
from boards.build.parts import Core, Cpu, Disk, Interface, Memory, Mount, System, Usb
from boards.build.socs import (
    BCM2836,
    BCM2837,
    RASPBIAN_8,
    lines,
    pi,
)

LAN = (*usb_roots(1), Usb("1-1", "09", ("09",)), Usb("1-1.1", "ff", ("ff",)))
"""The hub on the board, and the Ethernet behind it."""

UBUNTU = System("Ubuntu 24.04.1 LTS", "6.8.0-1013-raspi", "aarch64", 64)
OLD_TOOL = (
    "Can't open device file: /dev/vcio\n"
    "Try creating a device file with: sudo mknod /dev/vcio c 100 0\n"
    "[exit 255]"
)

PI_2B = pi(
    "pi2b-docker",
    BCM2836,
    "Raspberry Pi 2 Model B Rev 1.1",
    "a01041",
    55_692,
    note="It runs containers: their bridge, pairs of interfaces, and overlays that hold no files of their"
    " own; it mounts a share of a server, which has gone away.",
    cores=(Core(35), Core(22, iowait=4), Core(61), Core(9)),
    memory=Memory(944_264, 50_120, 500_404, 480_200, swap=102_396, swap_free=20_480),
    storage=system_disk("mmcblk0", "179:0", 62_333_952, sd_card("SR32G", "0x000003", "10/2017")),
    mounts=(
        Mount(
            "0:58",
            "/var/lib/docker/overlay2/9c2d/merged",
            "overlay",
            "overlay",
            (30_636_244_992, 6_127_247_360, 22_977_183_744),
            extra="rw,lowerdir=/var/lib/docker/overlay2/l/BBBB,upperdir=/var/lib/docker/overlay2/9c2d/diff",
        ),
        Mount("0:4", "/run/docker/netns/1f0d", "nsfs", "nsfs", options="rw", root="net:[4026532501]"),
        Mount(
            "0:60",
            "/mnt/nas",
            "nfs4",
            "192.0.2.10:/export/nas",
            "hangs",
            extra="rw,vers=4.2,hard,proto=tcp,clientaddr=192.0.2.21,addr=192.0.2.10",
        ),
    ),
    interfaces=(
        loopback(2_220),
        wired("eth0", 21, speed=100),
        Interface(
            "docker0",
            mac(22),
            (1_110_402, 9_204, 0, 0),
            (2_204_118, 11_204, 0, 0),
            (("198.51.100.1", "255.255.255.0"),),
            speed=-1,
        ),
        Interface("veth0a1b2c3", mac(23), (1_239_258, 9_204, 0, 0), (2_361_002, 11_240, 0, 0), speed=10000),
    ),
    connections=17,
    usb=LAN,
    files={
        **state.containers(
            "system.slice/docker-",
            {"3f2a9c0d1e4b": (702, 2_500_000, 400_000), "b41b7e2a90cc": (9687, 81_000, 0)},
        ),
        "run/pi-stat/containers.json": '{"b41b7e2a90cc": "web"}\n',
        **state.ext4("mmcblk0", "mmcblk0p2", errors=3, first=1_760_000_000, last=1_766_000_000),
        "run/dbus/system_bus_socket": "",
    },
    services=("degraded", ("mnt-nas.mount", "/mnt/nas", 1_766_000_100.25)),
)

PI_2B_UBUNTU = pi(
    "pi2b-ubuntu",
    BCM2837,
    "Raspberry Pi 2 Model B Rev 1.2",
    "a22042",
    47_236,
    note="Ubuntu, whose kernel lets only root and the group video ask the firmware; the user of the"
    " service is neither (slgrobotics/robots_bringup#3). The answer is that of the tool from before"
    " 2026-05. Snaps are images that are always full.",
    system=UBUNTU,
    hostname="ubuntu",
    users={0: "root", 33: "www-data", 1000: "ubuntu"},
    cpu=Cpu(BCM2837.wide, ((900_000, 600_000, 900_000, "ondemand"),)),
    memory=Memory(910_260, 80_120, 480_404, 420_200),
    storage=system_disk("mmcblk0", "179:0", 62_333_952, sd_card("SR32G", "0x000003", "02/2020")),
    mounts=(
        Mount(
            "7:0",
            "/snap/core22/1612",
            "squashfs",
            "/dev/loop0",
            (71_303_168, 71_303_168, 0),
            "ro,nodev,relatime",
            "ro",
        ),
    ),
    disks=(
        Disk("7:0", "loop0", 139_264, reads=(611, 12_420, 302), marks={"loop/backing_file": "/snaps/core22"}),
    ),
    interfaces=(loopback(320), wired("eth0", 24, speed=100)),
    usb=LAN,
    unreadable={"/dev/vcio": "EACCES"},
    groups={"/dev/vcio": "video"},
    firmware={"refusal": OLD_TOOL},
    files={
        **state.pressure(),
        "run/reboot-required": "*** System restart required ***\n",
        "run/reboot-required.pkgs": "linux-image-6.8.0-1018-raspi\nlibc6\n",
        "run/chrony/chronyd.sock": "",
        "var/lib/apt/periodic/update-success-stamp": "",
        "var/lib/dpkg/status": "",
    },
    modified={"/var/lib/apt/periodic/update-success-stamp": 1_700_000_000.0},
)

PI_3B = pi(
    "pi3b-undervoltage",
    BCM2837,
    "Raspberry Pi 3 Model B Rev 1.2",
    "a02082",
    61_224,
    note="The supply is too weak, now and before: the firmware holds the CPU at 600 MHz while the kernel"
    " has asked for 1200 (raspberrypi/linux#1320). Programs of 32 bits on a kernel of 64.",
    system=RASPBIAN_8,
    cores=(Core(90), Core(85), Core(70), Core(95)),
    cpu=Cpu(BCM2837.wide, ((1_200_000, 600_000, 1_200_000, "ondemand"),)),
    load=(3.61, 3.2, 2.84),
    memory=Memory(944_264, 90_120, 600_404, 480_200, swap=102_396, swap_free=88_064),
    storage=system_disk("mmcblk0", "179:0", 31_116_288, sd_card("00000", "0x000027", "08/2015")),
    interfaces=(loopback(820), wired("eth0", 31, speed=100), wifi("wlan0", 32, -59)),
    usb=(*LAN, Usb("1-1.2", "00", ("08",)), Usb("1-1.3", "00", ("03", "03"))),
    chips=(
        ("cpu_thermal", {"temp1_input": 61_224, "temp1_crit": 90_000}),
        ("rpi_volt", {"in0_lcrit_alarm": 1}),
    ),
    firmware={"throttled": "0x50005"},
)

PI_3A_PLUS = pi(
    "pi3a-plus-hot",
    BCM2837,
    "Raspberry Pi 3 Model A Plus Rev 1.0",
    "9020e0",
    61_760,
    note="In a case without air: over the soft limit of 60 degrees, now and before, which this model has"
    " and most have not. Swap is compressed memory.",
    cores=(Core(100), Core(99), Core(98), Core(97)),
    cpu=Cpu(BCM2837.wide, ((1_200_000, 600_000, 1_400_000, "ondemand"),)),
    load=(4.02, 3.96, 3.71),
    memory=Memory(437_732, 40_120, 200_404, 180_200, swap=218_864, swap_free=120_008),
    storage=system_disk("mmcblk0", "179:0", 62_333_952, sd_card("SC32G", "0x000003", "03/2019")),
    disks=(Disk("254:0", "zram0", 437_736, reads=(9_204, 73_632, 102), writes=(12_044, 96_352, 188)),),
    interfaces=(loopback(90), wifi("wlan0", 33, -52, link=FIVE_GHZ)),
    usb=usb_roots(1),
    firmware={
        "throttled": "0x80008",
        "volts": ("1.3875", "1.2000", "1.2000", "1.2250"),
        "clocks": BCM2837.firmware.clocks | {"arm": 1_200_000_000},
        "memory": (448, 64),
    },
)

PI_3B_PLUS = pi(
    "pi3b-plus",
    BCM2837,
    "Raspberry Pi 3 Model B Plus Rev 1.3",
    "a020d3",
    54_230,
    note="A kernel of 32 bits, from before the line Hardware was taken out of /proc/cpuinfo"
    " (raspberrypi/linux#5690). Its Wi-Fi is down. The ids of its USB hub are not confirmed, so there"
    " are none.",
    serial="00000000a1b2c3d4",
    system=System("Raspbian GNU/Linux 11 (bullseye)", "6.1.21-v7+", "armv7l", 32),
    lines=(
        "Hardware\t: BCM2835",
        *lines("a020d3", "00000000a1b2c3d4", "Raspberry Pi 3 Model B Plus Rev 1.3"),
    ),
    time=1680004800.5,
    uptime=86400.5,
    cores=(Core(10), Core(25), Core(5, iowait=10), Core(0)),
    cpu=Cpu(BCM2837.narrow, ((1400000, 600000, 1400000, "ondemand"),)),
    load=(0.42, 0.31, 0.18),
    memory=Memory(945512, 212_340, 655_104, 401_220, swap=102396, swap_free=98_300, cma=262144),
    processes=household(python=25, journal=4),
    storage=system_disk(
        "mmcblk0",
        "179:0",
        62_333_952,
        sd_card("SC32G", "0x000003", "09/2018"),
        root=ext4(
            "179:2",
            "/dev/root",
            62_333_952,
            size=(31_268_536_320, 5_874_180_096, 23_793_549_312),
            extra="rw",
        ),
        boot="/boot",
        reads=(21_400, 1_402_880, 98_100),
        writes=(38_200, 2_204_416, 410_300),
    ),
    disks=memory_disks("ram0", "ram1", "loop0", "loop1"),
    interfaces=(
        loopback(2_210),
        wired("eth0", 31, received=(184_220_118, 201_344, 0, 3), sent=(20_118_402, 122_090, 0, 0)),
        Interface("wlan0", mac(32), state="down", wireless="wext"),
    ),
    connections=3,
    usb=(
        *usb_roots(1),
        Usb("1-1", "09", ("09",)),
        Usb("1-1.1", "09", ("09",)),
        Usb("1-1.1.1", "ff", ("ff",)),
        Usb("1-1.1.3", "00", ("03", "03")),
    ),
    firmware={
        "clocks": BCM2837.firmware.clocks | {"arm": 1_400_000_000},
        "volts": ("1.3813", "1.2000", "1.2000", "1.2250"),
        "oscillator": "3.536",
    },
)

CM_3 = pi(
    "cm3-emmc",
    BCM2837,
    "Raspberry Pi Compute Module 3 Rev 1.0",
    "a020a0",
    43_470,
    note="A module without Wi-Fi on a carrier with Ethernet on USB. Half of its eMMC is worn. That the"
    " highest frequency is 1200 MHz is not confirmed for modules.",
    cpu=Cpu(BCM2837.wide, ((600_000, 600_000, 1_200_000, "powersave"),)),
    memory=Memory(944_264, 300_120, 800_404, 420_200),
    storage=system_disk(
        "mmcblk0", "179:0", 7_634_944, emmc("Q313MB", "0x000013", "01/2017", "0x05 0x04", "0x01")
    ),
    interfaces=(loopback(140), wired("eth0", 36, speed=100)),
    usb=LAN,
)

CM_3_PLUS = pi(
    "cm3-plus-worn",
    BCM2837,
    "Raspberry Pi Compute Module 3 Plus Rev 1.0",
    "a02100",
    50_464,
    note="Its eMMC is past its rated life and short of spare blocks, and the device takes no more writes."
    " That the highest frequency is 1200 MHz is not confirmed for modules.",
    cpu=Cpu(BCM2837.wide, ((1_200_000, 600_000, 1_200_000, "performance"),)),
    memory=Memory(944_264, 250_120, 700_404, 420_200),
    storage=system_disk(
        "mmcblk0",
        "179:0",
        15_269_888,
        emmc("8GTF4R", "0x000015", "11/2018", "0x0b 0x01", "0x03"),
        root=ext4("179:2", "/dev/mmcblk0p2", 15_269_888, options="ro,noatime", extra="ro,errors=remount-ro"),
        read_only=True,
    ),
    interfaces=(loopback(150), wired("eth0", 37, speed=100)),
    usb=LAN,
)

ZERO_2W = pi(
    "zero2w-wifi",
    BCM2837,
    "Raspberry Pi Zero 2 W Rev 1.0",
    "902120",
    41_856,
    note="Half a gigabyte, most of the swap in compressed memory; its code says BCM2837, although the"
    " package is an RP3A0.",
    serial="00000000deadbeef",
    time=1700000000.0,
    uptime=5400.0,
    cores=(Core(1), Core(0, iowait=1), Core(2), Core(0)),
    cpu=Cpu(BCM2837.wide, ((1000000, 600000, 1000000, "ondemand"),)),
    load=(0.00, 0.03, 0.08),
    memory=Memory(437_732, 40_120, 251_904, 230_408, swap=218_864, swap_free=180_208, cma=131072),
    processes=household(python=2, journal=1, rss=22_528),
    storage=system_disk(
        "mmcblk0",
        "179:0",
        62_333_952,
        sd_card("SN32G", "0x000003", "06/2022"),
        root=ext4(
            "179:2",
            "/dev/mmcblk0p2",
            62_333_952,
            size=(31_069_302_784, 4_120_412_160, 25_637_912_576),
        ),
        reads=(9_800, 602_112, 60_100),
        writes=(2_040, 80_640, 44_020),
    ),
    disks=(
        *memory_disks("ram0", "loop0"),
        Disk("254:0", "zram0", 437_736, reads=(9_204, 73_632, 102), writes=(12_044, 96_352, 188)),
    ),
    interfaces=(
        loopback(88),
        wifi("wlan0", 21, -59, received=(8_402_110, 20_114, 0, 12), sent=(1_402_118, 9_120, 0, 4)),
    ),
    connections=1,
    usb=usb_roots(1),
    firmware={
        "clocks": BCM2837.firmware.clocks | {"arm": 1_000_000_000, "pixel": 0},
        "memory": (448, 64),
        "reset": "20",
    },
)

BOARDS = (PI_2B, PI_2B_UBUNTU, PI_3B, PI_3A_PLUS, PI_3B_PLUS, CM_3, CM_3_PLUS, ZERO_2W)
