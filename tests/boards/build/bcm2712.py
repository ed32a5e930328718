"""Raspberry Pi 5 and 500 and Compute Module 5, with an RP1 and a power chip that measures."""

from __future__ import annotations

from boards.build import state
from boards.build.common import (
    FIVE_GHZ,
    emmc,
    ext4,
    household,
    loopback,
    memory_disks,
    sd_card,
    system_disk,
    usb_roots,
    wifi,
    wired,
)
from boards.build.parts import Chip, Core, Cpu, Disk, Memory, Mount, System, Usb
from boards.build.socs import BCM2712, pi

RAILS = """
    3V7_WL_SW 0 0.00195186 8 3.70720000
    3V3_SYS 1 0.12687090 9 3.32580900
    1V8_SYS 2 0.18835450 10 1.80415000
    DDR_VDD2 3 0.02147046 11 1.11135400
    DDR_VDDQ 4 0.00000000 12 0.60329610
    1V1_SYS 5 0.17957110 13 1.11282000
    0V8_SW 6 0.25959740 14 0.80512740
    VDD_CORE 7 0.56259000 15 0.76798460
    3V3_DAC 17 0.00000000 20 3.32142500
    3V3_ADC 18 0.00000000 21 3.32966700
    0V8_AON 16 0.00293040 19 0.80175740
    HDMI 22 0.02551890 23 5.11746000
    EXT5V - 24 5.14158000
    BATT - 25 3.28033900
"""
"""A capture of a live Raspberry Pi 5, by bcrisp4/pi5_exporter."""


def supply(milliamperes: int, *, usb_max: bool) -> dict[str, str | int]:
    """What the supply has promised, and whether USB may take 1.6 A of it."""
    return {
        "chosen/power/max_current": milliamperes,
        "chosen/power/usb_max_current_enable": int(usb_max),
        "chosen/power/usb_over_current_detected": 0,
        "chosen/power/power_reset": 0,
    }


def bootloader(reset: int = 0x1020, updated: int = 0) -> dict[str, str | int]:
    """What the bootloader says of itself, and why the machine was reset."""
    return {
        "chosen/bootloader/build-timestamp": 1779807685,
        "chosen/bootloader/update-timestamp": updated,
        "chosen/bootloader/pm_rsts": reset,
    }


def sensors(heat: int, rp1: int, *more: Chip) -> tuple[Chip, ...]:
    """The chips of every board of this kind; that of the RP1 comes first and is not the processor."""
    volts = {"in1_input": 1485, "in2_input": 2508, "in3_input": 1401, "in4_input": 1486}
    return (
        ("rp1_adc", {"temp1_input": rp1, **volts}),
        *more,
        ("cpu_thermal", {"temp1_input": heat, "temp1_crit": 110_000}),
        ("rpi_volt", {"in0_lcrit_alarm": 0}),
    )


NVME: dict[str, int | str] = {
    "temp1_input": 38_850,
    "temp1_label": "Composite",
    "temp1_max": 82_850,
    "temp1_alarm": 0,
}

PI_5 = pi(
    "pi5-8gb-nvme",
    BCM2712,
    "Raspberry Pi 5 Model B Rev 1.0",
    "d04170",
    46_600,
    note="Started from an NVMe disk, with a fan, a battery for its clock and a supply of 5 A; its first"
    " card is mounted read-only. Every rail is that of a capture. What the numbers of boot-mode mean"
    " is not confirmed: 6 is the digit of NVMe in BOOT_ORDER.",
    serial="5ca1ab1e0ddba11f",
    tree={**bootloader(), **supply(5000, usb_max=True), "chosen/bootloader/boot-mode": 6},
    time=1780500000.75,
    uptime=12045.5,
    cores=(Core(50), Core(3), Core(7, iowait=2), Core(0)),
    cpu=Cpu(BCM2712.wide, ((1600000, 1500000, 2400000, "ondemand"),)),
    load=(0.66, 0.54, 0.37),
    memory=Memory(8_245_328, 3_402_112, 6_871_040, 3_102_192, swap=2_097_136, swap_free=2_097_136, cma=65536),
    processes=household(python=50, journal=2, rss=131_072),
    storage=system_disk(
        "nvme0n1",
        "259:0",
        1_000_215_216,
        {"device/model": "EXAMPLE NVME 512GB", "device/hwmon1/temp1_input": 38_850, "removable": "0"},
        root=ext4(
            "259:2",
            "/dev/nvme0n1p2",
            1_000_215_216,
            size=(502_392_610_816, 41_205_182_464, 435_592_110_080),
        ),
        reads=(50_210, 4_412_800, 9_120),
        writes=(31_004, 3_120_640, 22_404),
    ),
    mounts=(
        Mount(
            "179:1",
            "/media/pi/bootfs",
            "vfat",
            "/dev/mmcblk0p1",
            (535_805_952, 72_351_744, 463_454_208),
            "ro,nosuid,nodev,relatime",
            "ro,uid=1000,gid=1000,utf8",
        ),
    ),
    disks=(
        *memory_disks("loop0", "loop1"),
        Disk(
            "179:0",
            "mmcblk0",
            31_116_288,
            reads=(402, 20_410, 1_020),
            parts=(("179:1", "mmcblk0p1", 60), ("179:2", "mmcblk0p2", 40)),
            marks=sd_card("SC16G", "0x000003", "05/2016"),
        ),
    ),
    interfaces=(
        loopback(1_104),
        wired("eth0", 51, received=(1_204_118_402, 1_201_344, 0, 0), sent=(220_118_402, 822_090, 0, 0)),
        wifi("wlan0", 52, -47, received=(3_402_110, 20_114, 0, 2), sent=(402_118, 3_120, 0, 1)),
    ),
    connections=7,
    usb=(*usb_roots(4), Usb("1-1", "00", ("03", "03")), Usb("4-1", "00", ("08",))),
    chips=sensors(
        46_600,
        53_710,
        ("nvme", NVME),
        ("pwmfan", {"fan1_input": 2838, "pwm1": 75, "pwm1_enable": 1}),
    ),
    firmware={
        "clocks": BCM2712.firmware.clocks | {"arm": 1600020224},
        "volts": ("0.8749", "0.6000", "0.6000", "1.1000"),
        "rails": RAILS,
        "pmic": "51.0",
    },
    files={
        **state.kernels("6.12.25+rpt-rpi-2712", "6.12.47+rpt-rpi-2712", "6.12.47+rpt-rpi-v8"),
        **state.ext4("nvme0n1", "nvme0n1p2"),
        **state.gpu_queues(),
        **state.usb_ports(port1=0, port2=0),
        **state.bootloaders(f"{state.FIRMWARE}-2712/default", _2026_05_26=1_779_807_685),
        **state.supply("rpi-poe", type="Mains", online=1, current_now=1_204_000),
        "sys/block/nvme0n1/device/state": "live\n",
        "sys/block/nvme0n1/device/hwmon1/temp1_alarm": "0\n",
        "run/systemd/timesync/synchronized": "",
        "run/pi-stat/updates.json": '{"pending": 12, "security": 3, "packages": [], "lists": 1780490000}\n',
        "run/dbus/system_bus_socket": "",
        "var/lib/apt/lists/lock": "",
        "var/lib/dpkg/status": "",
    },
    modified={"/var/lib/apt/lists": 1_780_490_000.0},
    services=("running",),
)

PI_5_TRUNCATED = pi(
    "pi5-2gb-truncated",
    BCM2712,
    "Raspberry Pi 5 Model B Rev 1.1",
    "b04171",
    58_950,
    note="Replies that end in the middle, as with a tool whose buffer is too small: the voltage, the bits,"
    " the last rail. The supply has promised 3 A, so USB gets 0.6, and its voltage is 4.9, which is"
    " well. The fan has no wire for its speed.",
    tree={**bootloader(updated=1779890000), **supply(3000, usb_max=False), "chosen/bootloader/boot_mode": 1},
    memory=Memory(2_063_000, 700_120, 1_500_404, 620_200, swap=2_062_992, swap_free=2_000_016, cma=65536),
    storage=system_disk("mmcblk0", "179:0", 62_333_952, sd_card("SN32G", "0x000003", "02/2024")),
    interfaces=(
        loopback(410),
        wired("eth0", 55, state="down", addresses=(), speed=None),
        wifi("wlan0", 56, -70),
    ),
    usb=usb_roots(4),
    chips=sensors(58_950, 60_812, ("pwmfan", {"pwm1": 125, "pwm1_enable": 1})),
    firmware={
        "pmic": "62.3",
        "rails": RAILS,
        "instead": {
            "measure_volts": "volt=0.87",
            "measure_volts core": "volt=0.87",
            "get_throttled": "throttled=0x",
            "pmic_read_adc": "     VDD_CORE_A current(7)=0.56259000A\n     VDD_CORE_V volt(15)=0.76798460V\n"
            "       EXT5V_V volt(24)=4.90210000V\n        BATT_V volt(25)=0.00",
        },
    },
    fails=("power",),
)

PI_5_MUTE = pi(
    "pi5-16gb-mute",
    BCM2712,
    "Raspberry Pi 5 Model B Rev 1.1",
    "e04171",
    44_950,
    note="The kernel was given a `cma=` that breaks the mailbox (raspberrypi/linux#7230): every question"
    " to the firmware is refused and comes back as if it were a reply, and there is no cpufreq.",
    tree={**bootloader(), **supply(5000, usb_max=True)},
    cpu=Cpu(BCM2712.wide, ()),
    memory=Memory(16_502_000, 9_700_120, 14_500_404, 3_620_200, swap=2_097_136, swap_free=2_097_136),
    storage=system_disk("mmcblk0", "179:0", 124_735_488, sd_card("SN64G", "0x000003", "11/2024")),
    interfaces=(loopback(300), wired("eth0", 57), wifi("wlan0", 58, -55, link=FIVE_GHZ)),
    usb=usb_roots(4),
    chips=sensors(44_950, 51_033)[:-1],
    firmware={"refusal": "ioctl_set_msg failed:-1\n{question}"},
    fails=("gpu", "power", "clocks", "hardware"),
)

PI_500 = pi(
    "pi500-throttled",
    BCM2712,
    "Raspberry Pi 500 Rev 1.0",
    "d04190",
    71_150,
    note="Low voltage holds the CPU at 1000 MHz while the kernel has asked for 2400, as seen on such a"
    " machine. Whether pmic_read_adc answers here, and whether it has a connector for a fan, is not"
    " confirmed, so neither is there.",
    tree={**bootloader(), **supply(3000, usb_max=False)},
    cores=(Core(100), Core(100), Core(93), Core(88)),
    cpu=Cpu(BCM2712.wide, ((2_400_000, 1_500_000, 2_400_000, "ondemand"),)),
    load=(4.4, 4.1, 3.2),
    memory=Memory(8_245_328, 1_402_112, 4_871_040, 3_102_192, swap=2_097_136, swap_free=1_097_136, cma=65536),
    storage=system_disk("mmcblk0", "179:0", 62_333_952, sd_card("SC32G", "0x000003", "10/2024")),
    interfaces=(
        loopback(330),
        wired("eth0", 59, state="down", addresses=(), speed=None),
        wifi("wlan0", 60, -50, link=FIVE_GHZ),
    ),
    usb=(*usb_roots(4), Usb("3-1", "09", ("09",)), Usb("3-1.1", "00", ("03", "03"))),
    chips=sensors(71_150, 66_020),
    firmware={
        "throttled": "0x50005",
        "clocks": BCM2712.firmware.clocks | {"arm": 1000013056, "v3d": 960016128},
        "volts": ("0.9100", "0.6000", "0.6000", "1.1000"),
        "pmic": "70.2",
    },
)

CM_5 = pi(
    "cm5-emmc",
    BCM2712,
    "Raspberry Pi Compute Module 5 Rev 1.0",
    "c04180",
    49_150,
    note="A module with eMMC on a carrier with a fan that stands still although it is driven. That its"
    " power chip answers like that of a Raspberry Pi 5 is not confirmed, so it does not answer.",
    tree={**bootloader(0x1000), **supply(5000, usb_max=True)},
    memory=Memory(4_142_000, 1_700_120, 3_500_404, 1_620_200, cma=65536),
    storage=system_disk(
        "mmcblk0", "179:0", 61_071_360, emmc("BJTD4R", "0x000015", "06/2024", "0x01 0x01", "0x01")
    ),
    interfaces=(loopback(130), wired("eth0", 61), wifi("wlan0", 62, -49, link=FIVE_GHZ)),
    usb=usb_roots(4),
    chips=sensors(49_150, 55_200, ("pwmfan", {"fan1_input": 0, "pwm1": 250, "pwm1_enable": 1})),
    firmware={"reset": "1000", "pmic": "52.1"},
)

CM_5_LITE = pi(
    "cm5-lite",
    BCM2712,
    "Raspberry Pi Compute Module 5 Lite Rev 1.0",
    "f041a0",
    42_550,
    note="Neither eMMC nor Wi-Fi: two NVMe disks of one model, the second of them silent about its"
    " temperature, and a newest kernel that tells the voltages by itself. Its code leaves the memory"
    " to the device tree: 128 Gbit. That its power chip answers like that of a Raspberry Pi 5 is not"
    " confirmed, so it does not answer.",
    system=System("Debian GNU/Linux 13 (trixie)", "6.18.9+rpt-rpi-2712", "aarch64", 64),
    tree={**bootloader(0x1000), **supply(5000, usb_max=True), "chosen/rpi-sdram-size-gbit": 128},
    memory=Memory(16_502_000, 12_700_120, 15_500_404, 2_620_200, cma=65536),
    storage=system_disk(
        "nvme0n1",
        "259:0",
        1_000_215_216,
        {"device/model": "EXAMPLE NVME 512GB", "device/hwmon1/temp1_input": 41_850, "removable": "0"},
    ),
    mounts=(
        Mount("259:4", "/srv", "btrfs", "/dev/nvme1n1p1", (512_108_785_664, 51_210_878_566, 460_897_907_098)),
    ),
    disks=(
        Disk(
            "259:3",
            "nvme1n1",
            1_000_215_216,
            reads=(10_210, 412_800, 1_120),
            writes=(1_004, 120_640, 2_404),
            parts=(("259:4", "nvme1n1p1", 100),),
            marks={"device/model": "EXAMPLE NVME 512GB", "removable": "0", "device/hwmon2/name": "nvme"},
        ),
    ),
    interfaces=(loopback(150), wired("eth0", 63)),
    usb=usb_roots(4),
    chips=(
        *sensors(42_550, 48_600, ("nvme", NVME | {"temp1_input": 41_850}), ("nvme", NVME))[:-1],
        (
            "rpi_volt",
            {
                "in0_lcrit_alarm": 0,
                "in0_input": 876,
                "in1_input": 601,
                "in2_input": 602,
                "in3_input": 1103,
                "in0_label": "core",
                "in1_label": "sdram_c",
                "in2_label": "sdram_i",
                "in3_label": "sdram_p",
            },
        ),
    ),
    unreadable={
        "/sys/class/hwmon/hwmon2/temp1_input": "EAGAIN",
        "/sys/block/nvme1n1/device/hwmon2/temp1_input": "EAGAIN",
    },
    firmware={"reset": "1000", "pmic": "47.5"},
)

BOARDS = (PI_5, PI_5_TRUNCATED, PI_5_MUTE, PI_500, CM_5, CM_5_LITE)
