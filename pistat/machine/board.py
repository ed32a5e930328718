"""What never changes: which machine this is. Each fact is read once."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from pistat.machine.reasons import Reason, Unavailable
from pistat.parsers import kernel
from pistat.parsers import revision as revisions
from pistat.parsers.revision import Revision

if TYPE_CHECKING:
    from pistat.machine.host import Host

TREE = "/proc/device-tree"
"""What the bootloader and the firmware have told the kernel."""

UNKNOWN = Revision(None, None, None, None, None)


def model(machine: Host) -> str | None:
    """`Raspberry Pi 5 Model B Rev 1.0`; on a PC its maker and product."""
    # No model is remembered as "", for asking again would give none again.
    return (
        machine.memo.forever("model", lambda: _told(machine, "model", "Model") or _product(machine) or "")
        or None
    )


def serial(machine: Host) -> str | None:
    """The serial number of the board; None on a PC, which would show its own to root only."""
    return machine.memo.forever("serial", lambda: _told(machine, "serial-number", "Serial") or "") or None


def revision(machine: Host) -> str | None:
    """The revision code of the board, such as `c03111`; None on a PC, and under a kernel that hides it."""
    return machine.memo.forever("revision", lambda: _code(machine) or "") or None


def decoded(machine: Host) -> Revision:
    """What the revision code says; nothing but None where there is none."""
    found = machine.memo.forever(
        "board", lambda: revisions.decode_revision(revision(machine) or "") or UNKNOWN
    )
    return found or UNKNOWN


def memory(machine: Host) -> int | None:
    """The bytes of memory that the board was built with; its code leaves them open from 32 GB on."""
    mib = decoded(machine).memory_mib
    if mib is not None:
        return mib << 20
    gigabits = cell(machine, "chosen/rpi-sdram-size-gbit")
    return (gigabits << 30) // 8 if gigabits else None


def soc(machine: Host) -> str | None:
    """The processor, such as `BCM2711`: by the revision code, else by the device tree."""
    return decoded(machine).soc or machine.memo.forever("soc", lambda: _compatible(machine) or "") or None


def cell(machine: Host, *nodes: str) -> int | None:
    """The number in the first of these places of the device tree that there is."""
    for node in nodes:
        data = machine.bytes_or_none(f"{TREE}/{node}", 4096)
        if data is not None:
            return kernel.big_endian_32(data)
    return None


# What a model cannot do, in the words of `Field.unless`


@lru_cache
def _lack(text: str) -> Unavailable:
    return Unavailable(Reason.NO_MODEL, text)


def no_videocore(machine: Host) -> Unavailable | None:
    """Why there is no firmware that could be asked."""
    is_pi = (model(machine) or "").startswith("Raspberry Pi")
    return None if is_pi else _lack("Only a Raspberry Pi has it.")


def no_rails(machine: Host) -> Unavailable | None:
    """Why the rails of the power chip cannot be measured."""
    if soc(machine) == "BCM2712":
        return None
    return _lack("Only a Raspberry Pi 5, 500 or Compute Module 5 has it.")


def no_power_chip(machine: Host) -> Unavailable | None:
    """Why there is no power chip that can be asked. Older boards would answer as if asked for the SoC."""
    if soc(machine) in {"BCM2711", "BCM2712"}:
        return None
    return _lack("Only a Raspberry Pi 4 or later has it.")


def no_under_voltage(machine: Host) -> Unavailable | None:
    """Why a low supply is not noticed."""
    if revisions.detects_under_voltage(model(machine) or ""):
        return None
    return _lack("Zeros, Compute Modules and the first boards do not notice a low supply.")


def no_split(machine: Host) -> Unavailable | None:
    """Why no memory is set aside for the GPU."""
    if revisions.splits_memory(model(machine) or ""):
        return None
    return _lack("A Raspberry Pi 5 sets no memory aside for the GPU.")


def no_block(name: str) -> Callable[[Host], Unavailable | None]:
    """Why the clock of a block of the SoC cannot be measured."""

    def unless(machine: Host) -> Unavailable | None:
        if name in revisions.BLOCKS.get(soc(machine) or "", ()):
            return None
        # It may be there all the same: a Pi 4 does decode HEVC.
        return no_videocore(machine) or _lack(
            f"The firmware of this board is not known to measure the clock of {revisions.CLOCKS[name]}."
        )

    return unless


def _told(machine: Host, node: str, line: str) -> str | None:
    """What the device tree says, else /proc/cpuinfo."""
    found = kernel.device_tree_string(machine.bytes_or_none(f"{TREE}/{node}", 4096) or b"")
    return found or kernel.cpuinfo(machine.read_or_none("/proc/cpuinfo") or "").get(line)


def _code(machine: Host) -> str | None:
    number = cell(machine, "system/linux,revision")
    if number:
        return f"{number:04x}"
    text = kernel.cpuinfo(machine.read_or_none("/proc/cpuinfo") or "").get("Revision", "")
    # 0000 is what a kernel says that was not told.
    return text if text.strip("0") else None


def _compatible(machine: Host) -> str | None:
    words = (machine.bytes_or_none(f"{TREE}/compatible", 4096) or b"").decode("ascii", "replace")
    found = re.search(r"(?:^|\0)brcm,(bcm[0-9]{4})(?:\0|$)", words)
    return found[1].upper() if found else None


def _product(machine: Host) -> str | None:
    names = [machine.word(f"/sys/class/dmi/id/{each}") for each in ("sys_vendor", "product_name")]
    return " ".join(name for name in names if name) or None
