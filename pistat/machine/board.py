"""Which machine this is. It never changes, so each fact is read once."""

from __future__ import annotations

import contextlib
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
"""What the bootloader and the firmware tell the kernel."""

CPUINFO = 1 << 16
"""The most bytes of /proc/cpuinfo that are looked through for the lines of a Raspberry Pi."""

UNKNOWN = Revision(None, None, None, None, None)


def model(machine: Host) -> str | None:
    """Return a model such as `Raspberry Pi 5 Model B Rev 1.0`; on a PC its maker and product."""
    # That there is none is remembered as "", for asking again would give none again.
    return (
        machine.memo.forever(
            "model", lambda: _read_text(machine, "model", "Model") or _product(machine) or ""
        )
        or None
    )


def serial(machine: Host) -> str | None:
    """Return the serial number of the board; None on a PC, which shows its own to root only."""
    return machine.memo.forever("serial", lambda: _serial(machine) or "") or None


def revision(machine: Host) -> str | None:
    """Return the revision code of the board, such as `c03111`; None on a PC, or if the kernel has none."""
    return machine.memo.forever("revision", lambda: _code(machine) or "") or None


def decoded(machine: Host) -> Revision:
    """Return what the revision code says; all is None where there is no code."""
    found = machine.memo.forever(
        "board", lambda: revisions.decode_revision(revision(machine) or "") or UNKNOWN
    )
    return found or UNKNOWN


def memory(machine: Host) -> int | None:
    """Return the bytes of memory that the board was built with; the code cannot express 32 GB or more."""
    mib = decoded(machine).memory_mib
    if mib is not None:
        return mib << 20
    gigabits = cell(machine, "chosen/rpi-sdram-size-gbit")
    return (gigabits << 30) // 8 if gigabits else None


def soc(machine: Host) -> str | None:
    """Return the processor, such as `BCM2711`: by the revision code, else by the device tree."""
    return decoded(machine).soc or machine.memo.forever("soc", lambda: _compatible(machine) or "") or None


def cell(machine: Host, *nodes: str) -> int | None:
    """Read the number in the first of these nodes of the device tree that exists; None if none does."""
    for node in nodes:
        # One that is refused is as good as one that is not there.
        with contextlib.suppress(OSError):
            data = machine.bytes_or_none(f"{TREE}/{node}", 4096)
            if data is not None:
                return kernel.big_endian_32(data)
    return None


# What a model cannot do, for `Field.unless`


@lru_cache
def _lack(text: str) -> Unavailable:
    """Say in one sentence why this model cannot do something."""
    return Unavailable(Reason.NO_MODEL, text)


def no_videocore(machine: Host) -> Unavailable | None:
    """Return why there is no firmware that could be asked; None on a Raspberry Pi."""
    is_pi = (model(machine) or "").startswith("Raspberry Pi")
    return None if is_pi else _lack("Only a Raspberry Pi has it.")


def no_rails(machine: Host) -> Unavailable | None:
    """Return why the rails of the power chip cannot be measured, or None if they can."""
    if soc(machine) == "BCM2712":
        return None
    return _lack("Only a Raspberry Pi 5, 500 or Compute Module 5 has it.")


def no_power_chip(machine: Host) -> Unavailable | None:
    """Return why there is no power chip that can be asked. Older boards would answer for the SoC instead."""
    if soc(machine) in {"BCM2711", "BCM2712"}:
        return None
    return _lack("Only a Raspberry Pi 4 or later has it.")


def no_under_voltage(machine: Host) -> Unavailable | None:
    """Return why a low supply is not noticed, or None if it is."""
    if revisions.detects_under_voltage(model(machine) or ""):
        return None
    return _lack("Zeros, Compute Modules and the first boards do not notice a low supply.")


def no_split(machine: Host) -> Unavailable | None:
    """Return why no memory is set aside for the GPU, or None if some is."""
    if revisions.splits_memory(model(machine) or ""):
        return None
    return _lack("A Raspberry Pi 5 sets no memory aside for the GPU.")


def no_block(name: str) -> Callable[[Host], Unavailable | None]:
    """Return a function that says why the clock of this block of the SoC cannot be measured."""

    def unless(machine: Host) -> Unavailable | None:
        if name in revisions.BLOCKS.get(soc(machine) or "", ()):
            return None
        # The block may exist all the same: a Pi 4 does decode HEVC.
        return no_videocore(machine) or _lack(
            f"The firmware of this board is not known to measure the clock of {revisions.CLOCKS[name]}."
        )

    return unless


def _read_text(machine: Host, node: str, line: str) -> str | None:
    """Read a text in the device tree, else in /proc/cpuinfo; None if neither has it."""
    found = kernel.device_tree_string(machine.bytes_or_none(f"{TREE}/{node}", 4096) or b"")
    return found or kernel.cpuinfo(machine.sensor("/proc/cpuinfo", CPUINFO)).get(line)


def _serial(machine: Host) -> str | None:
    """Read the serial number."""
    text = None
    with contextlib.suppress(OSError):
        text = _read_text(machine, "serial-number", "Serial")
    # A kernel that knows none has sixteen zeros.
    return text if text and text.strip("0") else None


def _code(machine: Host) -> str | None:
    """Read the revision code in the device tree, else in /proc/cpuinfo."""
    number = kernel.big_endian_32(machine.bytes_or_none(f"{TREE}/system/linux,revision", 4096) or b"")
    if number:
        return f"{number:04x}"
    text = kernel.cpuinfo(machine.sensor("/proc/cpuinfo", CPUINFO)).get("Revision", "")
    # 0000 means that nobody told the kernel.
    return text if text.strip("0") else None


def _compatible(machine: Host) -> str | None:
    """Read the processor in the device tree."""
    words = (machine.bytes_or_none(f"{TREE}/compatible", 4096) or b"").decode("ascii", "replace")
    found = re.search(r"(?:^|\0)brcm,(bcm[0-9]{4})(?:\0|$)", words)
    return found[1].upper() if found else None


def _product(machine: Host) -> str | None:
    """Read the maker and the product name of a PC."""
    names = [machine.word(f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    return " ".join(name for name in names if name) or None
