"""Raspberry Pi 4 and 400 and Compute Module 4, with a bootloader of their own in an EEPROM."""

from __future__ import annotations

from boards.build import state
from boards.build.common import (
    FIVE_GHZ,
    Storage,
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
from boards.build.socs import BCM2711, DEBIAN_8, pi

HUB = (*usb_roots(2), Usb("1-1", "09", ("09",)))
"""Two root hubs, and the hub on the board behind that of USB 2."""

NEW_TOOL = "Can't open device file: /dev/vcio_gencmd\n[exit 255]"
NO_TREE: dict[str, str | None] = dict.fromkeys(("model", "serial-number", "system/linux,revision"))
BOOSTED = Cpu(BCM2711.wide, ((1_500_000, 600_000, 1_800_000, "ondemand"),))
FAST_CLOCKS = BCM2711.firmware.clocks | {"arm": 1500345728, "core": 500000992}
SEPTEMBER_2020 = (
    "Sep  3 2020 13:11:43 ",
    "Copyright (c) 2012 Broadcom",
    "version c0ffee0123456789abcdef0123456789abcdef01 (clean) (release) (start)",
)

PI_4B = pi(
    "pi4b-8gb",
    BCM2711,
    "Raspberry Pi 4 Model B Rev 1.4",
    "d03114",
    71_575,
    note="Under load, and throttled some time before. A share of a server, a stick with a blank in its"
    " name, a bind mount, a snap. Its bootloader is of 2021 and says nothing in the device"
    " tree.",
    serial="10000000abcdef01",
    time=1726000000.25,
    uptime=351734.27,
    cores=(Core(100), Core(88, iowait=2), Core(97), Core(15, iowait=30)),
    cpu=BOOSTED,
    load=(3.21, 2.90, 1.75),
    memory=Memory(8_050_396, 1_204_112, 5_871_040, 4_402_188, swap=204796, swap_free=201_468, cma=524288),
    processes=household(python=285, journal=3, threads=4, rss=812_544, start=350_000.0),
    storage=system_disk(
        "mmcblk0",
        "179:0",
        122_138_624,
        sd_card("SD64G", "0x000003", "08/2021"),
        root=ext4(
            "179:2",
            "/dev/mmcblk0p2",
            122_138_624,
            size=(61_019_136_000, 18_305_740_800, 40_170_446_848),
        ),
        reads=(120_500, 9_204_812, 302_400),
        writes=(410_700, 22_604_800, 5_204_100),
    ),
    mounts=(
        Mount(
            "7:0",
            "/snap/core22/1380",
            "squashfs",
            "/dev/loop0",
            (71_303_168, 71_303_168, 0),
            "ro,nodev",
            "ro",
        ),
        Mount(
            "0:48",
            "/mnt/media",
            "nfs4",
            "192.0.2.10:/export/media",
            (3_936_818_806_784, 2_755_773_164_748, 1_181_045_642_036),
            extra="rw,vers=4.2,rsize=262144,wsize=262144,hard,proto=tcp,clientaddr=192.0.2.41,addr=192.0.2.10",
        ),
        Mount(
            "8:1",
            "/media/pi/USB STICK",
            "vfat",
            "/dev/sda1",
            (30_752_636_928, 1_204_224, 30_751_432_704),
            "rw,nosuid,nodev,relatime",
            "rw,uid=1000,gid=1000,fmask=0022,dmask=0022,utf8,errors=remount-ro",
        ),
        ext4(
            "179:2",
            "/dev/mmcblk0p2",
            0,
            point="/var/lib/backup",
            size=None,
            options="ro,noatime",
            root="/home/pi/backup",
        ),
    ),
    disks=(
        *memory_disks("ram0", "ram1"),
        Disk(
            "7:0",
            "loop0",
            139_264,
            reads=(611, 12_420, 302),
            marks={"loop/backing_file": "/snaps/core22.snap"},
        ),
        Disk(
            "8:0",
            "sda",
            60_063_744,
            reads=(300, 20_400, 410),
            writes=(12, 96, 55),
            parts=(("8:1", "sda1", 100),),
            marks={"device/model": "USB Flash Drive", "device/vendor": "EXAMPLE ", "removable": "1"},
        ),
    ),
    interfaces=(
        loopback(48_210),
        wired(
            "eth0",
            41,
            received=(98_220_118_402, 81_201_344, 0, 1_204),
            sent=(4_120_118_402, 40_122_090, 0, 0),
        ),
        Interface("wlan0", mac(42), state="down", flags=0x1002, wireless="wext"),
    ),
    connections=12,
    usb=(*HUB, Usb("1-1.4", "00", ("03", "03", "03")), Usb("2-1", "00", ("08",))),
    firmware={
        "temperature": "71.5",
        "clocks": FAST_CLOCKS,
        "volts": ("0.8563", "1.1000", "1.1000", "1.1000"),
        "throttled": "0x50000",
        "version": SEPTEMBER_2020,
        "reset": "1020",
        "pmic": "64.9",
    },
)

PI_4B_FORBIDDEN = pi(
    "pi4b-2gb-forbidden",
    BCM2711,
    "Raspberry Pi 4 Model B Rev 1.2",
    "b03112",
    52_582,
    note="New udev rules with a kernel from before raspberrypi/linux#7351: nobody but root can ask the"
    " firmware, although nothing is broken. What the kernel tells by itself stays: the alarm of"
    " rpi_volt is on, and the bootloader has told of itself.",
    system=System("Debian GNU/Linux 13 (trixie)", "6.12.47+rpt-rpi-v8", "aarch64", 64),
    tree={
        "chosen/bootloader/build-timestamp": 1613481816,
        "chosen/bootloader/update-timestamp": 1613481816,
        "chosen/bootloader/boot-mode": 1,
        "chosen/bootloader/rsts": 0x20,
    },
    memory=Memory(1_894_000, 400_120, 1_500_404, 820_200, swap=1_893_996, swap_free=1_893_996, cma=524288),
    storage=system_disk("mmcblk0", "179:0", 62_333_952, sd_card("SN32G", "0x000003", "01/2023")),
    interfaces=(loopback(540), wired("eth0", 43), wifi("wlan0", 44, -66, link=FIVE_GHZ)),
    usb=HUB,
    chips=(
        ("cpu_thermal", {"temp1_input": 52_582, "temp1_crit": 110_000}),
        ("rpi_volt", {"in0_lcrit_alarm": 1}),
    ),
    unreadable={"/dev/vcio": "EACCES"},
    firmware={"refusal": NEW_TOOL},
)

PI_4B_CONTAINER = pi(
    "pi4b-4gb-container",
    BCM2711,
    "Raspberry Pi 4 Model B Rev 1.1",
    "c03111",
    50_000,
    note="Inside a container that is given neither /sys nor the firmware: /proc/cpuinfo still names the"
    " board. The name that it has for itself is made up by the container.",
    hostname="3f1c0ffee0ab",
    system=DEBIAN_8._replace(name="Debian GNU/Linux 12 (bookworm)"),
    sysfs=False,
    tree=NO_TREE,
    memory=Memory(3_884_736, 900_100, 3_002_112, 1_204_100),
    storage=Storage(
        (
            Mount(
                "0:71",
                "/",
                "overlay",
                "overlay",
                (30_636_244_992, 9_127_247_360, 19_977_183_744),
                extra="rw,lowerdir=/var/lib/docker/overlay2/l/CCCC,upperdir=/var/lib/docker/overlay2/77aa/diff",
            ),
            Mount("0:74", "/proc", "proc", "proc", options="rw,nosuid,nodev,noexec,relatime"),
            Mount("0:75", "/dev", "tmpfs", "tmpfs", options="rw,nosuid", extra="rw,size=65536k,mode=755"),
            *(
                Mount(
                    "179:2",
                    f"/etc/{name}",
                    "ext4",
                    "/dev/mmcblk0p2",
                    (30_636_244_992, 9_127_247_360, 19_977_183_744),
                    options="rw,noatime",
                    root=f"/var/lib/docker/containers/3f1c/{name}",
                )
                for name in ("resolv.conf", "hostname", "hosts")
            ),
        ),
        (Disk("179:0", "mmcblk0", 62_333_952, reads=(20_400, 1_402_880, 98_100)),),
    ),
    interfaces=(loopback(4), wired("eth0", 45, speed=10000)),
    usb=(),
    chips=(),
    zones=(),
    wext=False,
    firmware=None,
)

PI_400 = pi(
    "pi400-router",
    BCM2711,
    "Raspberry Pi 400 Rev 1.0",
    "c03130",
    48_199,
    note="A keyboard that routes: VLAN, bridge, tunnel, access point and station, a second Ethernet on USB"
    " without a cable. Its frequency was capped some time before.",
    cores=(Core(4), Core(12), Core(3), Core(7)),
    cpu=Cpu(BCM2711.wide, ((1_800_000, 600_000, 1_800_000, "ondemand"),)),
    memory=Memory(3_884_736, 1_900_100, 3_202_112, 1_004_100, swap=102_396, swap_free=102_396, cma=524288),
    storage=system_disk("mmcblk0", "179:0", 31_116_288, sd_card("SA16G", "0x000003", "11/2020")),
    interfaces=(
        loopback(9_210),
        wired("eth0", 46),
        wired("eth0.20", 47, addresses=(("198.51.100.47", "255.255.255.0"),)),
        Interface("eth1", mac(48), state="down", speed=None),
        wifi("wlan0", 49, -44, link=FIVE_GHZ),
        wifi("uap0", 50, 0),
        wired("br0", 51, speed=1000),
        Interface(
            "wg0",
            "",
            (90_402_110, 90_114, 3, 0),
            (44_402_118, 80_120, 0, 12),
            (("203.0.113.1", "255.255.255.0"),),
            state="unknown",
            mtu=1420,
            flags=0x91,
        ),
    ),
    connections=204,
    usb=(*HUB, Usb("1-1.4", "00", ("03", "03")), Usb("2-2", "00", ("ff",))),
    firmware={"throttled": "0x20000", "clocks": FAST_CLOCKS | {"arm": 1800404352}, "pmic": "45.3"},
    files={
        **state.kernels("6.6.51+rpt-rpi-v8", "6.12.47+rpt-rpi-v8"),
        **state.bootloaders(f"{state.FIRMWARE}-2711/latest", _2099_01_15=4_071_900_000),
        **state.usb_ports(port1=2),
        "etc/default/rpi-eeprom-update": 'FIRMWARE_RELEASE_STATUS="latest"\n',
    },
)

CM_4 = pi(
    "cm4-emmc",
    BCM2711,
    "Raspberry Pi Compute Module 4 Rev 1.0",
    "b03140",
    44_303,
    note="A module with eMMC, little worn, and with Wi-Fi. Its bootloader of 2021 leaves zeros in the"
    " device tree, which are no times. What the fan of a carrier shows is not confirmed, so there is"
    " none.",
    tree={
        "chosen/bootloader/build-timestamp": 0,
        "chosen/bootloader/update-timestamp": 0,
        "chosen/bootloader/capabilities": 0x1F,
    },
    memory=Memory(1_894_000, 700_120, 1_500_404, 620_200, cma=524288),
    storage=system_disk(
        "mmcblk0", "179:0", 61_071_360, emmc("BJTD4R", "0x000015", "03/2021", "0x01 0x02", "01")
    ),
    disks=(
        Disk("179:32", "mmcblk0boot0", 8_192, read_only=True),
        Disk("179:64", "mmcblk0boot1", 8_192, read_only=True),
    ),
    interfaces=(loopback(210), wired("eth0", 52), wifi("wlan0", 53, -63)),
    usb=usb_roots(1),
    firmware={"reset": "1000", "pmic": "43.7"},
)

CM_4S = pi(
    "cm4s-overmounted",
    BCM2711,
    "Raspberry Pi Compute Module 4S Rev 1.0",
    "a03150",
    42_842,
    note="Disks are mounted over others and over their own folders, so that some cannot be reached. That"
    " it has no Wi-Fi and at most 1500 MHz is not confirmed. The watchdog has started it again, or"
    " somebody did: the bit is the same.",
    memory=Memory(927_000, 200_120, 700_404, 320_200, swap=1_048_572, swap_free=1_000_444),
    storage=system_disk(
        "mmcblk0", "179:0", 15_269_888, emmc("DG4008", "0x000045", "05/2022", "0x02 0x01", "0x01")
    ),
    mounts=(
        Mount("8:1", "/srv", "ext4", "/dev/sda1", (125_817_856_000, 62_908_928_000, 56_618_035_200)),
        Mount("8:17", "/srv", "ext4", "/dev/sdb1", (251_635_712_000, 12_581_785_600, 226_472_140_800)),
        Mount("8:2", "/srv/deep", "xfs", "/dev/sda2", (10_726_932_480, 107_474_944, 10_619_457_536)),
        Mount("0:81", "/srv/deep", "tmpfs", "tmpfs", (478_515_200, 0, 478_515_200)),
        Mount(
            "8:17",
            "/var/backups",
            "ext4",
            "/dev/sdb1",
            (251_635_712_000, 12_581_785_600, 226_472_140_800),
            root="/backups",
        ),
    ),
    disks=(
        Disk(
            "8:0",
            "sda",
            266_338_304,
            reads=(4_010, 402_880, 8_100),
            writes=(1_200, 104_416, 10_300),
            parts=(("8:1", "sda1", 90), ("8:2", "sda2", 10)),
            marks={"device/model": "EXAMPLE SSD 120 ", "device/vendor": "ATA     ", "removable": "0"},
        ),
        Disk(
            "8:16",
            "sdb",
            500_118_192,
            reads=(1_010, 102_880, 2_100),
            parts=(("8:17", "sdb1", 100),),
            marks={"device/model": "EXAMPLE SSD 240 ", "device/vendor": "ATA     ", "removable": "0"},
        ),
    ),
    interfaces=(loopback(50), wired("eth0", 54, speed=100)),
    usb=(*usb_roots(1), Usb("1-1", "09", ("09",)), Usb("1-1.1", "00", ("08",)), Usb("1-1.2", "00", ("08",))),
    firmware={"reset": "20"},
)

PI_4B_MAINLINE = pi(
    "pi4b-mainline",
    BCM2711,
    "Raspberry Pi 4 Model B",
    "0000",
    49_660,
    note="Debian's own kernel: no vcio, so no vcgencmd (userland#744), no line about the board"
    " in /proc/cpuinfo, nothing in the device tree but what every kernel has there, no"
    " /proc/net/wireless, the card as mmcblk1. The alarm of rpi_volt is there, and on.",
    system=System("Debian GNU/Linux 12 (bookworm)", "6.1.0-18-arm64", "aarch64", 64),
    hostname="debian",
    tree=NO_TREE | {"model": "Raspberry Pi 4 Model B", "compatible": "raspberrypi,4-model-b\0brcm,bcm2711"},
    lines=(),
    time=1750000000.5,
    uptime=9000.25,
    cores=(Core(33), Core(0), Core(0), Core(1)),
    cpu=Cpu(BCM2711.wide, ((1500000, 600000, 1500000, "schedutil"),)),
    load=(0.35, 0.40, 0.22),
    memory=Memory(3_884_736, 2_204_100, 3_402_112, 1_204_100, cma=65536),
    processes=household(python=33, rss=65_536),
    users={0: "root", 33: "www-data"},
    storage=system_disk(
        "mmcblk1",
        "179:0",
        62_333_952,
        sd_card("SN32G", "0x000003", "10/2022"),
        root=ext4(
            "179:2",
            "/dev/mmcblk1p2",
            62_333_952,
            size=(30_900_482_048, 6_204_182_528, 23_098_187_776),
            options="rw,relatime",
        ),
        reads=(18_020, 1_402_816, 70_210),
        writes=(10_240, 804_096, 120_440),
    ),
    interfaces=(
        loopback(302),
        Interface("end0", mac(43), state="down"),
        wifi(
            "wlan0", 44, -62, "nl80211", received=(40_402_110, 90_114, 0, 0), sent=(4_402_118, 30_120, 0, 0)
        ),
    ),
    usb=HUB,
    chips=(
        ("rpi_volt", {"in0_lcrit_alarm": 1}),
        ("cpu_thermal", {"temp1_input": 49_660, "temp1_crit": 110_000}),
    ),
    wext=False,
    firmware=None,
)

BOARDS = (PI_4B, PI_4B_FORBIDDEN, PI_4B_CONTAINER, PI_400, CM_4, CM_4S, PI_4B_MAINLINE)
