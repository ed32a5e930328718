"""Which Raspberry Pi it is: what its revision code says, and what its model cannot do."""

from __future__ import annotations

from typing import NamedTuple

from pistat.parsers.kernel import in_full

NEW_STYLE = 1 << 23
"""The bit that is set in a code that consists of fields; older codes are a sequence."""

SEQUENCE = 0x00FF_FFFF
"""The meaningful bits of an old-style code; those above were set on boards that had been over-volted."""


class Revision(NamedTuple):
    """What a revision code says about a board.

    Attributes:
        type: The short name of the board, such as `4B`; `type 0x1f` for one that is not in the table.
        pcb: The revision of the circuit board, such as `1.1`.
        memory_mib: The installed memory in MiB; None when the code leaves it open.
        soc: The processor, as the code has it: a Zero 2 W is a BCM2837.
        maker: Who built it.
    """

    type: str | None
    pcb: str | None
    memory_mib: int | None
    soc: str | None
    maker: str | None


# https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#raspberry-pi-revision-codes. Where it
# and gpiozero's pins/data.py differ, and where one code was given to two sizes of memory, there is None.
OLD_STYLE = {
    0x02: Revision("B", "1.0", 256, "BCM2835", "Egoman"),
    0x03: Revision("B", "1.0", 256, "BCM2835", "Egoman"),
    0x04: Revision("B", "2.0", 256, "BCM2835", "Sony UK"),
    0x05: Revision("B", "2.0", 256, "BCM2835", "Qisda"),
    0x06: Revision("B", "2.0", 256, "BCM2835", "Egoman"),
    0x07: Revision("A", "2.0", 256, "BCM2835", "Egoman"),
    0x08: Revision("A", "2.0", 256, "BCM2835", "Sony UK"),
    0x09: Revision("A", "2.0", 256, "BCM2835", "Qisda"),
    0x0D: Revision("B", "2.0", 512, "BCM2835", "Egoman"),
    0x0E: Revision("B", "2.0", 512, "BCM2835", "Sony UK"),
    0x0F: Revision("B", "2.0", 512, "BCM2835", None),
    0x10: Revision("B+", "1.2", 512, "BCM2835", "Sony UK"),
    0x11: Revision("CM1", None, 512, "BCM2835", "Sony UK"),
    0x12: Revision("A+", "1.1", 256, "BCM2835", "Sony UK"),
    0x13: Revision("B+", "1.2", 512, "BCM2835", None),
    0x14: Revision("CM1", None, 512, "BCM2835", "Embest"),
    0x15: Revision("A+", "1.1", None, "BCM2835", "Embest"),
}

TYPES = {
    0x00: "A",
    0x01: "B",
    0x02: "A+",
    0x03: "B+",
    0x04: "2B",
    0x05: "Alpha",
    0x06: "CM1",
    0x08: "3B",
    0x09: "Zero",
    0x0A: "CM3",
    0x0C: "Zero W",
    0x0D: "3B+",
    0x0E: "3A+",
    0x10: "CM3+",
    0x11: "4B",
    0x12: "Zero 2 W",
    0x13: "400",
    0x14: "CM4",
    0x15: "CM4S",
    0x17: "5",
    0x18: "CM5",
    0x19: "500/500+",
    0x1A: "CM5 Lite",
    0x1B: "CM0",
}
SOCS = dict(enumerate(("BCM2835", "BCM2836", "BCM2837", "BCM2711", "BCM2712")))
MAKERS = dict(enumerate(("Sony UK", "Egoman", "Embest", "Sony Japan", "Embest", "Stadium")))
MEMORIES_MIB = dict(enumerate((256, 512, 1024, 2048, 4096, 8192, 16384)))


def decode_revision(text: str) -> Revision | None:
    """Decode the hexadecimal revision code of /proc/cpuinfo; None for one that no board has, such as 0000."""
    found = in_full(r"[0-9a-fA-F]{1,8}", text)
    code = int(found[0], 16) if found else 0
    return _fields(code) if code & NEW_STYLE else OLD_STYLE.get(code & SEQUENCE)


def _fields(code: int) -> Revision:
    """Decode the fields of a new-style code, `NOQuuuWuFMMMCCCCPPPPTTTTTTTTRRRR`."""
    kind = code >> 4 & 0xFF
    return Revision(
        type=TYPES.get(kind, f"type 0x{kind:02x}"),
        pcb=f"1.{code & 0xF}",
        memory_mib=MEMORIES_MIB.get(code >> 20 & 0x7),
        soc=SOCS.get(code >> 12 & 0xF),
        maker=MAKERS.get(code >> 16 & 0xF),
    )


def detects_under_voltage(model: str) -> bool:
    """Return whether a board of this model notices a low supply; one that cannot never reports any."""
    # https://github.com/raspberrypi/linux/issues/2367: from the B+ on, but no Zero and no Compute Module.
    return not in_full(r"Raspberry Pi (?:Zero|Compute Module|Model [AB](?! Plus))(?: [ -~]*)?", model)


def has_gigabit_ethernet(kind: str | None) -> bool:
    """Return whether the own Ethernet of a board of this type, such as `4B`, runs at 1,000 Mbit/s."""
    return kind in {"3B+", "4B", "400", "CM4", "5", "500/500+", "CM5", "CM5 Lite"}


def splits_memory(model: str) -> bool:
    """Return whether a board of this model splits its memory between CPU and GPU; a BCM2712 does not."""
    return not in_full(r"Raspberry Pi (?:5|500|Compute Module 5)(?: [ -~]*)?", model)


CLOCKS = {
    "h264": "the H.264 codec",
    "isp": "the image signal processor",
    "uart": "the serial port",
    "pwm": "the pulse-width modulation",
    "emmc": "the SD and eMMC interface",
    "pixel": "the pixel valves",
    "vec": "the analogue TV encoder",
    "hdmi": "the HDMI state machine",
    "dpi": "the parallel display interface",
    "hevc": "the HEVC decoder",
}
"""The blocks whose clocks can be measured, besides those that every board has and that never stop."""

OLDER = CLOCKS.keys() - {"hevc"}
BLOCKS = {
    "BCM2835": OLDER,
    "BCM2836": OLDER,
    "BCM2837": OLDER,
    "BCM2711": OLDER,
    # Those left out are not in this chip: it decodes no H.264, and RP1 drives DPI and the analogue TV.
    "BCM2712": CLOCKS.keys() - {"h264", "vec", "dpi"},
}
"""For each SoC the blocks that its firmware is known to measure: only for these a clock of 0 means off."""
