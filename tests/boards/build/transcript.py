"""What vcgencmd answers."""

from __future__ import annotations

from collections.abc import Iterator

from boards.build.parts import Firmware


def transcript(firmware: Firmware) -> str:
    """What vcgencmd was asked and what it printed. Commands that are not in it are unknown to the board."""
    rows = [(question, printed(firmware, question, reply)) for question, reply in replies(firmware)]
    return "".join(f"$ vcgencmd {question}\n{text}\n" for question, text in rows)


def printed(firmware: Firmware, question: str, reply: str) -> str:
    """The reply, or what comes in place of it."""
    return firmware.refusal.format(question=question) or firmware.instead.get(question, reply)


def replies(firmware: Firmware) -> Iterator[tuple[str, str]]:
    """Questions with the replies of a firmware that is well."""
    yield "measure_temp", f"temp={firmware.temperature}'C{firmware.space}"
    for name, hertz in firmware.clocks.items():
        yield f"measure_clock {name}", f"frequency({firmware.indices.get(name, 0)})={hertz}"
    yield "measure_clock sdram", "frequency(0)=0"
    yield "measure_clock", 'error=2 error_msg="Invalid arguments"'
    yield "measure_volts", f"volt={firmware.volts[0]}V"
    for name, volts in zip(("core", "sdram_c", "sdram_i", "sdram_p"), firmware.volts, strict=True):
        yield f"measure_volts {name}", f"volt={volts}V"
    for name, mib in zip(("arm", "gpu"), firmware.memory, strict=True):
        yield f"get_mem {name}", f"{name}={mib}M"
    yield "get_config total_mem", f"total_mem={firmware.total}"
    yield "get_throttled", f"throttled={firmware.throttled}"
    yield "version", "\n".join(firmware.version)
    if firmware.bootloader:
        yield "bootloader_version", "\n".join(firmware.bootloader)
    yield "get_rsts", f"get_rsts={firmware.reset}"
    core = f"(@{firmware.volts[0]}V) ({firmware.temperature}'C)"
    yield "read_ring_osc", f"read_ring_osc(2)={firmware.oscillator}MHz {core}"
    yield "measure_temp pmic", f"temp={firmware.pmic or firmware.temperature}'C{firmware.space}"
    if firmware.rails:
        yield "pmic_read_adc", "\n".join(rails(firmware.rails))


def rails(text: str) -> list[str]:
    """The lines of pmic_read_adc, currents first, from rows of rail, index and amperes, index and volts."""
    rows = [row.split() for row in text.strip().splitlines()]
    currents = [f"{row[0] + '_A':>15} current({row[1]})={row[2]}A" for row in rows if row[1] != "-"]
    return [*currents, *(f"{row[0] + '_V':>15} volt({row[-2]})={row[-1]}V" for row in rows)]
