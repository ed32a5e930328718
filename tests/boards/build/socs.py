"""The processors, and what every board with one has in common."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from boards.build import common
from boards.build.common import Storage
from boards.build.parts import Board, Core, Cpu, Firmware, Memory, System, Trip, Zone

OLD_INDICES = {
    "arm": 45,
    "core": 1,
    "h264": 28,
    "isp": 42,
    "v3d": 43,
    "uart": 22,
    "pwm": 25,
    "emmc": 47,
    "pixel": 29,
    "vec": 10,
    "hdmi": 9,
    "dpi": 4,
}
"""The number in the reply to measure_clock with the older firmware of the first Raspberry Pis."""

INDICES = OLD_INDICES | {"arm": 48, "isp": 45, "v3d": 46, "emmc": 50}
"""The same with later firmware; that of a Pi 5 has none."""

MARCH_2023 = (
    "Mar 17 2023 10:50:56 ",
    "Copyright (c) 2012 Broadcom",
    "version 82f3750a65fadae9a38077e3c2e217ad158c8d54 (clean) (release) (start)",
)
MAY_2026 = (
    "2026/05/11 12:20:02 ",
    "Copyright (c) 2012 Broadcom",
    "version 66f33f7e (release) (embedded)",
)
BOOTLOADER_2021 = (
    "Feb 16 2021 13:23:36",
    "version d6d82cf90123456789abcdef0123456789abcdef (release)",
    "timestamp 1613481816",
    "update-time 1613481816",
    "capabilities 0x0000001f",
)
BOOTLOADER_2026 = (
    "2026/05/26 16:01:25",
    "version 086b83e3332dfc8927c56762771d082f3077a1ae (release)",
    "timestamp 1779807685",
    "update-time 0",
    "capabilities 0x0000007f",
)

RASPBIAN_6 = System("Raspbian GNU/Linux 12 (bookworm)", "6.6.51+rpt-rpi-v6", "armv6l", 32)
RASPBIAN_7 = System("Raspbian GNU/Linux 12 (bookworm)", "6.6.51+rpt-rpi-v7", "armv7l", 32)
RASPBIAN_8 = System("Raspbian GNU/Linux 12 (bookworm)", "6.6.51+rpt-rpi-v8", "aarch64", 32)
"""Programs of 32 bits on a kernel of 64."""
DEBIAN_8 = System("Debian GNU/Linux 12 (bookworm)", "6.6.51+rpt-rpi-v8", "aarch64", 64)
DEBIAN_2712 = System("Debian GNU/Linux 13 (trixie)", "6.12.47+rpt-rpi-2712", "aarch64", 64)


@dataclass(frozen=True)
class Soc:
    """A processor.

    Attributes:
        system: What runs on most boards that have it.
        cores: How many it has.
        wide, narrow: Its lines of /proc/cpuinfo with a kernel of 64 and of 32 bits.
        policy: kHz now, least, most, and the governor of cpufreq.
        trips: Trip points of its thermal zone.
        serial: The first digits of every serial number.
        firmware: What the firmware answers on an idle board.
        page_size: Bytes of a page of memory.
    """

    system: System
    cores: int
    wide: tuple[str, ...]
    narrow: tuple[str, ...]
    policy: tuple[int, int, int, str]
    trips: tuple[Trip, ...]
    serial: str
    firmware: Firmware
    page_size: int = 4096


def wide(part: str, variant: str, revision: int, mips: str) -> tuple[str, ...]:
    """The lines of /proc/cpuinfo for a core, by a kernel of 64 bits."""
    return (
        f"BogoMIPS\t: {mips}",
        "Features\t: fp asimd evtstrm crc32 cpuid",
        "CPU implementer\t: 0x41",
        "CPU architecture: 8",
        f"CPU variant\t: {variant}",
        f"CPU part\t: {part}",
        f"CPU revision\t: {revision}",
    )


def narrow(part: str, revision: int, mips: str, version: str = "7 (v7l)") -> tuple[str, ...]:
    """The same by a kernel of 32 bits."""
    number, _, name = version.partition(" ")
    return (
        f"model name\t: ARMv{number} Processor rev {revision} {name}",
        f"BogoMIPS\t: {mips}",
        "Features\t: half thumb fastmult vfp edsp tls",
        "CPU implementer\t: 0x41",
        "CPU architecture: 7",
        "CPU variant\t: 0x0",
        f"CPU part\t: {part}",
        f"CPU revision\t: {revision}",
    )


BCM2835 = Soc(
    system=RASPBIAN_6,
    cores=1,
    wide=(),
    narrow=narrow("0xb76", 7, "697.95", "6-compatible (v6l)"),
    policy=(700000, 700000, 700000, "ondemand"),
    trips=(Trip("critical", 90_000),),
    serial="00000000",
    firmware=Firmware(
        clocks={
            "arm": 700000000,
            "core": 250000000,
            "v3d": 250000000,
            "h264": 250000000,
            "isp": 250000000,
            "uart": 3000000,
            "pwm": 0,
            "emmc": 250000000,
            "pixel": 25200000,
            "vec": 0,
            "hdmi": 0,
            "dpi": 0,
        },
        indices=OLD_INDICES,
        volts=("1.2000", "1.2000", "1.2000", "1.2250"),
        memory=(448, 64),
        version=MARCH_2023,
        oscillator="2.871",
    ),
)

BCM2837 = Soc(
    system=DEBIAN_8,
    cores=4,
    wide=wide("0xd03", "0x0", 4, "38.40"),
    narrow=narrow("0xd03", 4, "38.40"),
    policy=(600000, 600000, 1200000, "ondemand"),
    trips=(Trip("critical", 90_000),),
    serial="00000000",
    firmware=Firmware(
        clocks={
            "arm": 600000000,
            "core": 400000000,
            "v3d": 300000000,
            "h264": 0,
            "isp": 300000000,
            "uart": 48000000,
            "pwm": 0,
            "emmc": 200000000,
            "pixel": 25200000,
            "vec": 0,
            "hdmi": 0,
            "dpi": 0,
        },
        indices=INDICES,
        volts=("1.2500", "1.2000", "1.2000", "1.2250"),
        memory=(948, 76),
        version=MARCH_2023,
        oscillator="3.012",
    ),
)

BCM2836 = replace(
    BCM2837,
    system=RASPBIAN_7,
    wide=(),
    narrow=narrow("0xc07", 5, "38.40"),
    policy=(600000, 600000, 900000, "ondemand"),
    # The meter counts pulses over a millisecond: https://github.com/raspberrypi/firmware/issues/656.
    firmware=replace(
        BCM2837.firmware,
        clocks=BCM2837.firmware.clocks | {"core": 250000000, "v3d": 249999000, "h264": 250000000},
        indices=OLD_INDICES,
    ),
)

BCM2711 = Soc(
    system=DEBIAN_8,
    cores=4,
    wide=wide("0xd08", "0x0", 3, "108.00"),
    narrow=narrow("0xd08", 3, "108.00"),
    policy=(600000, 600000, 1500000, "ondemand"),
    trips=(Trip("critical", 110_000),),
    serial="10000000",
    firmware=Firmware(
        clocks={
            "arm": 600169920,
            "core": 199995120,
            "v3d": 250000496,
            "h264": 0,
            "isp": 0,
            "uart": 48001464,
            "pwm": 107143064,
            "emmc": 250000496,
            "pixel": 74988280,
            "vec": 0,
            "hdmi": 119997072,
            "dpi": 0,
        },
        indices=INDICES,
        volts=("0.8455", "1.1000", "1.1000", "1.1000"),
        memory=(948, 76),
        version=MARCH_2023,
        oscillator="2.394",
        bootloader=BOOTLOADER_2021,
    ),
)

BCM2712 = Soc(
    system=DEBIAN_2712,
    cores=4,
    wide=wide("0xd0b", "0x4", 1, "108.00"),
    narrow=(),
    policy=(1500000, 1500000, 2400000, "ondemand"),
    trips=(
        Trip("critical", 110_000),
        *(Trip("active", each, 5_000) for each in (50_000, 60_000, 67_500, 75_000)),
    ),
    serial="5ca1ab1e",
    firmware=Firmware(
        clocks={
            "arm": 1500019456,
            "core": 910009088,
            "v3d": 0,
            "h264": 0,
            "hevc": 910009088,
            "isp": 0,
            "uart": 44000736,
            "pwm": 0,
            "emmc": 200005920,
            "pixel": 0,
            "vec": 0,
            "hdmi": 0,
            "dpi": 0,
        },
        volts=("0.7200", "0.6000", "0.6000", "1.1000"),
        memory=(1016, 8),
        version=MAY_2026,
        reset="1020",
        oscillator="9.368",
        bootloader=BOOTLOADER_2026,
        space=" ",
    ),
    page_size=16384,
)


def lines(code: str, serial: str, model: str) -> tuple[str, ...]:
    """What a kernel of Raspberry Pi adds to /proc/cpuinfo."""
    return (f"Revision\t: {code}", f"Serial\t\t: {serial}", f"Model\t\t: {model}")


def pi(
    name: str, soc: Soc, model: str, code: str, heat: int, *, storage: Storage, **differences: Any
) -> Board:
    """A Raspberry Pi: what its processor brings along, and `differences` to that.

    Args:
        name: The folder.
        soc: Its processor.
        model: What the device tree says, word for word.
        code: Its revision code, in hexadecimal.
        heat: The temperature of its processor, in millidegrees.
        storage: What it has started from; `mounts` and `disks` come on top.
        differences: Fields of the board, its memory among them. Of `firmware` and `tree` only what differs.
    """
    system = differences.get("system", soc.system)
    serial = differences.pop("serial", f"{soc.serial}{zlib.crc32(name.encode()):08x}")
    narrow_kernel = not system.architecture.endswith("64")
    facts: dict[str, Any] = {
        "system": system,
        "time": 1732500000.5,
        "uptime": 40_000.25,
        "cores": (Core(8), *(Core(each) for each in range(1, soc.cores))),
        "cpu": Cpu(soc.narrow if narrow_kernel else soc.wide, (soc.policy,)),
        "load": (0.12, 0.18, 0.11),
        "page_size": soc.page_size,
        "processes": common.few(),
        "users": common.USERS,
        "connections": 2,
        "mounts": (*storage.mounts, *differences.pop("mounts", ())),
        "disks": (*storage.disks, *differences.pop("disks", ())),
        "chips": (
            ("cpu_thermal", {"temp1_input": heat, "temp1_crit": soc.trips[0].temperature}),
            ("rpi_volt", {"in0_lcrit_alarm": 0}),
        ),
        "zones": (Zone("cpu-thermal", heat, soc.trips),),
        "lines": lines(code, serial, model),
    }
    changed: Mapping[str, Any] | None = differences.pop("firmware", {})
    if changed is not None:
        memory: Memory = differences["memory"]
        usual: dict[str, Any] = {
            "temperature": f"{heat / 1000:.1f}",
            # What is left for Linux is a little less than a power of two.
            "total": 1 << (memory.total >> 10).bit_length(),
        }
        facts["firmware"] = replace(soc.firmware, **usual | dict(changed))
    told = {"model": model, "serial-number": serial, "system/linux,revision": int(code, 16)}
    facts["tree"] = told | differences.pop("tree", {})
    return Board(name=name, **facts | differences)
