"""The first readings of the page, in words.

They are in its HTML, so that it says something before its script has asked, and where there is none. The
script writes them alike: templates/scripts/tiles.js, headline.js and sections.js.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pistat.collectors import network, sensors
from pistat.formats import quantities
from pistat.formats.quantities import (
    NO_BREAK,
    NONE,
    counted,
    fixed,
    hertz,
    joined,
    known,
    lasting,
    memory,
    percent,
    size,
    speed,
    times,
)
from pistat.routes import STATS
from pistat.text import utc

KEYS = (*STATS.keys, *network.interfaces.keys, *sensors.fans.keys, *sensors.pmic.keys)
"""What is read for it."""

LEVELS = {"critical": "bad", "warning": "warn"}
"""How the severities look that count as problems."""

PLACES = {
    "power": ("power", "Power"),
    "heat": ("heat", "Temperature"),
    "cpu": ("cpu", "CPU"),
    "memory": ("memory", "Memory"),
    "disk": ("at-storage", "Storage"),
    "network": ("at-links", "Network"),
    "time": ("facts", "Clocks"),
    "boot": ("facts", "Clocks"),
    "system": ("facts", "Software"),
    "services": ("at-units", "Services"),
}
"""Where the page shows what a finding is about, by the first word of its name, and what that is called."""

TILES = ("heat", "cpu", "memory", "disk", "network", "power")

STATES = {
    "under_voltage": "Too weak",
    "throttled": "Slowed",
    "freq_capped": "Capped",
    "soft_temp_limit": "Slowed a little",
}
"""What the power tile says, by the first flag that is set."""

WAITS = "Something has just begun (see Power); if it lasts, it is listed here."
"""What is said beside the headline when something has only begun and is no finding yet."""

MISSING = "Why readings are missing: see /capabilities."
SPAN = 86_400
"""Seconds of which the events are shown."""

EVENTS = 100
"""How many of the last events are looked at."""

PAST = 4
"""How many that are over are shown."""

Json = Mapping[str, Any]


@dataclass
class Tile:
    """One tile: the large value and what stands beside it, two notes, how bad it is, how long its bar."""

    value: str
    unit: str = ""
    left: str = ""
    right: str = ""
    level: str = ""
    percent: float = 0
    name: str = ""
    hidden: bool = False


def empty() -> dict[str, Any]:
    """Return what the template shows of a machine whose readings want a token: nothing."""
    tiles = {name: Tile(NONE) for name in (*TILES, "received", "sent")}
    tiles["network"].name = "Network"
    said = {
        "headline": "Waiting for the readings",
        "level": "",
        "missing": False,
        "beside": "",
        "findings": [],
        "past": [],
    }
    facts: list[tuple[str, str, list[str]]] = [
        (name, name.title(), []) for name in ("board", "software", "clocks")
    ]
    return {
        "locked": True,
        "name": "",
        "model": "",
        "up": "",
        "tiles": tiles,
        "cores": [],
        "facts": facts,
        **said,
    }


def contents(now: Json, judged: Json, events: Sequence[Json]) -> dict[str, Any]:
    """Return what the template shows.

    Args:
        now: The readings of `KEYS`, as the API answers them.
        judged: The answer of /diagnosis.
        events: The events of the last day.
    """
    tiles = _tiles(now)
    errors = now.get("errors", {})
    for name, keys in (("heat", ("cpu_temp",)), ("disk", ("disk", "disk_io")), ("memory", ("memory",))):
        failed = next((key for key in keys if key in errors), None)
        if failed:
            tiles[name].left, tiles[name].right = f"{failed}: {errors[failed]}", ""
    for name in TILES:
        tiles[name].level = _tile_level(name, judged["findings"])
    hardware = now["hardware"]
    return {
        "locked": False,
        "name": now["system"]["hostname"] or "This machine",
        "model": joined(hardware["model"], hardware["memory"] and memory(hardware["memory"])),
        "up": "" if now["uptime"] is None else "up " + lasting(now["uptime"]),
        **headline(now, judged, events),
        "tiles": tiles,
        "cores": [fixed(24 - max(1, (usage or 0) * 0.24), 2) for usage in now["per_cpu_usage"] or []],
        "facts": _facts(now),
    }


# What the diagnosis says


def headline(now: Json, judged: Json, events: Sequence[Json]) -> dict[str, Any]:
    """Return headline, the sentence beside it, and the rows below it."""
    problems = [finding for finding in judged["findings"] if finding["severity"] in LEVELS]
    notes = len(judged["findings"]) - len(problems)
    if problems:
        title = counted(len(problems), "problem") + (f", {counted(notes, 'note')}" if notes else "")
    elif not judged["checked"]:
        title = "Nothing could be checked"
    else:
        title = "Most checks could not be made" if _mostly_unknown(judged) else "All is well"
    return {
        "headline": title,
        "missing": not problems and _mostly_unknown(judged),
        "level": LEVELS.get(judged["status"], ""),
        "beside": "" if problems else _without_problems(now, judged),
        "findings": [_finding(finding, judged, events) for finding in judged["findings"]],
        "past": [_past(event, judged) for event in _past_events(judged, events)],
    }


def _mostly_unknown(judged: Json) -> bool:
    """Return whether more could not be checked than could, so that nobody knows whether all is well."""
    return len(judged["unknown"]) > len(judged["checked"])


def _without_problems(now: Json, judged: Json) -> str:
    """Return what is to be said when there is nothing to be said."""
    power, span = now["power"] or {}, f"in the {lasting(now['uptime'] or 0)} since it started."
    steady = power.get("throttled_since_boot") is False
    if any(power.get(flag) for flag in STATES):
        return WAITS
    if _mostly_unknown(judged):
        unknown, checked = len(judged["unknown"]), len(judged["checked"])
        rest = f"; the other {checked} found nothing wrong" if checked else ""
        return f"{unknown} of {unknown + checked}{rest}."
    if steady and power.get("under_voltage_since_boot") is False:
        return f"Never slowed and never short of power {span}"
    if steady:
        return f"Never slowed {span}"
    unknown = len(judged["unknown"])
    rest = f" {counted(unknown, 'thing')} could not be checked." if unknown else ""
    return f"{counted(len(judged['checked']), 'check')} found nothing.{rest}"


def _finding(finding: Json, judged: Json, events: Sequence[Json]) -> dict[str, Any]:
    same = [
        event for event in events if event["id"] == finding["id"] and event["subject"] == finding["subject"]
    ]
    begun = sum(_begins(event, before) for event, before in zip(same, [None, *same], strict=False))
    word = "services" if finding["id"] == "system.units_failed" else finding["id"].partition(".")[0]
    place, name = PLACES[word]
    evidence = (f"{path} {_plain(path, value)}" for path, value in finding["evidence"].items())
    span = lasting(max(0, judged["timestamp"] - finding["since"]))
    about = joined(f"seen for {span}", begun > 1 and times(begun) + " in 24 h", *evidence)
    level = LEVELS.get(finding["severity"], "")
    return {**finding, "level": level, "place": place, "word": name, "about": about}


def _begins(event: Json, before: Json | None) -> bool:
    """Return whether a finding began with this event: not if it only became more severe."""
    graver = before and before["state"] == "begin" and before["severity"] != event["severity"]
    return event["state"] == "begin" and not graver


def _plain(path: str, value: Any) -> str:
    """Return a reading as the script writes it: a time as its day, an age in words, else two decimals."""
    if path.endswith("_error") and value:
        return f"{utc(value):%Y-%m-%d}"
    if path.endswith("_age") and value is not None:
        return lasting(value)
    value = round(value, 2) if isinstance(value, float) else value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.0f}" if isinstance(value, float) and value == int(value) else str(value)


def _past_events(judged: Json, events: Sequence[Json]) -> list[Json]:
    """Return what is over, the last first; what still holds stands above it."""
    lasts = {(finding["id"], finding["subject"]) for finding in judged["findings"]}
    since = judged["timestamp"] - SPAN

    def counts(event: Json) -> bool:
        if event["time"] + (event["duration"] or 0) <= since:
            return False
        if event["id"] == "boot":
            return bool(event["value"] == 1)
        over = event["state"] == "end" and event["severity"] in LEVELS
        return over and (event["id"], event["subject"]) not in lasts

    return [event for event in reversed(events) if counts(event)][:PAST]


def _past(event: Json, judged: Json) -> str:
    length = event["duration"] or 0
    ago = lasting(max(0, judged["timestamp"] - event["time"] - length)) + " ago"
    if length:
        return f"Over since {ago}, after {lasting(length)}: {event['title']}."
    return f"{ago}: {event['title']}."


def _tile_level(tile: str, findings: Sequence[Json]) -> str:
    mine = [
        finding["severity"]
        for finding in findings
        if finding["severity"] in LEVELS
        and finding["id"].partition(".")[0] == tile
        and (tile != "disk" or finding["subject"] == "/")
    ]
    return LEVELS["critical"] if "critical" in mine else LEVELS["warning"] if mine else ""


# The tiles


def _tiles(now: Json) -> dict[str, Tile]:
    return {
        "heat": _heat(now),
        "cpu": _cpu(now),
        "memory": _memory(now),
        "disk": _disk(now),
        **_network(now),
        "power": _power(now),
    }


def _heat(now: Json) -> Tile:
    heat = now["cpu_temp"]
    fan = next((row["rpm"] for row in (now["fans"] or {}).values() if row["rpm"] is not None), None)
    turns = "" if fan is None else f"fan {fan:,.0f}{NO_BREAK}rpm"
    return Tile(
        known(heat, lambda value: fixed(value, 1)),
        "" if heat is None else "°C",
        MISSING if heat is None else "",
        turns,
    )


def _cpu(now: Json) -> Tile:
    cores, load = now["per_cpu_usage"] or [], (now["load_avg"] or [None])[0]
    usage = percent(now["cpu_usage"])
    unit = "" if usage == NONE else f"% of {counted(len(cores), 'core')}"
    clock = hertz(now["cpu_freq"] * 1e6) if now["cpu_freq"] else ""
    return Tile(usage, unit, clock, "" if load is None else f"load {fixed(load, 2)}")


def _memory(now: Json) -> Tile:
    ram, swap = now["memory"], now["swap"]
    unit = memory(ram["total"]).rpartition(NO_BREAK)[2]
    step = 1024 ** quantities.BINARY.index(unit) if unit in quantities.BINARY else 1
    used = known(ram["used"], lambda value: quantities.three_digits(value / step))
    share = f"of {memory(ram['total'])} · {percent(ram['percent'])}{NO_BREAK}%"
    if not swap["total"]:
        note = "no swap"
    else:
        note = f"swap {percent(swap['percent'])}{NO_BREAK}% used" if swap["used"] else "swap unused"
    return Tile(used, "" if used == NONE else share, note)


def _disk(now: Json) -> Tile:
    card, traffic = now["disk"], now["disk_io"]
    free, _, unit = size(card["free"]).partition(NO_BREAK)
    left, right = f"reads {speed(traffic['read_rate'])}", f"writes {speed(traffic['write_rate'])}"
    if traffic["read_bytes"] is None:
        left, right = MISSING, ""
    beside = "" if free == NONE else f"{unit} free of {size(card['total'])}"
    return Tile(free, beside, left, right, percent=card["percent"] or 0)


def _network(now: Json) -> dict[str, Tile]:
    links = {name: row for name, row in (now["interfaces"] or {}).items() if isinstance(row, dict)}
    name = _main_link(links)
    link = links.get(name, {})
    address = (link.get("addresses") or [""])[0].partition("/")[0]
    tiles = {"network": Tile("", "", address, _pace(link), name=f"Network {name}".strip())}
    for way, rate, word in (("received", "recv_rate", "in"), ("sent", "sent_rate", "out")):
        text, unit = quantities.rate(link.get(rate))
        tiles[way] = Tile(text, "" if text == NONE else f"{unit} {word}")
    return tiles


def _main_link(links: Mapping[str, Json]) -> str:
    """Return the interface of the default route; without one that with the most traffic."""
    routed = [name for name, link in links.items() if link["default_route"]]
    up = sorted((link["bytes_recv"], name) for name, link in links.items() if link["is_up"])
    return next(iter([*routed, *(name for _, name in reversed(up)), *links]), "")


def _pace(link: Json) -> str:
    if link.get("is_up") is False:
        return "down"
    if link.get("signal_strength") is not None:
        return f"{link['signal_strength']}{NO_BREAK}dBm".replace("-", "\N{MINUS SIGN}")
    if link.get("speed"):
        return f"{link['speed']}{NO_BREAK}Mbit/s"
    return "up" if link.get("is_up") else ""


def _power(now: Json) -> Tile:
    power, chip = now["power"], now["pmic"] or {}
    told = power["throttled"] is not None or power["under_voltage"] is not None
    watts, volts, core = chip.get("watts"), chip.get("input_voltage"), power["core_voltage"]
    pi = str(now["hardware"]["model"] or "").startswith("Raspberry")
    fed = joined(
        volts and f"{fixed(volts, 2)}{NO_BREAK}V in",
        power["supply_current"] and f"{power['supply_current']:g}{NO_BREAK}A supply",
    )
    core_words = "" if core is None else f"{fixed(core, 2)}{NO_BREAK}V core"
    wrong = next((word for flag, word in STATES.items() if power[flag]), None)
    if wrong == STATES["throttled"] and power["under_voltage"] is False:
        wrong += " by heat"
    note = _since_start(power) if told else MISSING
    hidden = not told and watts is None and not pi
    if not wrong and watts is not None:
        return Tile(f"{fixed(watts, 1)}{NO_BREAK}W", joined("board", fed), note, hidden=hidden)
    if told and not wrong and power["under_voltage"] is None:
        return Tile("Not checked", "on this model", note, hidden=hidden)
    before = power["under_voltage_since_boot"] or power["throttled_since_boot"]
    value = wrong or (("Steady now" if before else "Steady") if told else NONE)
    return Tile(value, "" if value == NONE else fed or ("" if wrong else core_words), note, hidden=hidden)


def _since_start(power: Json) -> str:
    if power["under_voltage_since_boot"]:
        return "too weak at least once since it started"
    if power["throttled_since_boot"] or power["freq_capped_since_boot"]:
        return "slowed at least once since it started"
    none = "never slowed" if power["under_voltage"] is None else "none"
    return f"{none} since it started" if power["throttled_since_boot"] is False else ""


# The facts


def _facts(now: Json) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    for id_, title, rows in (
        ("board", "Board", _board(now["hardware"])),
        ("software", "Software", _software(now["system"], now["hardware"])),
        ("clocks", "Clocks", _clocks(now)),
    ):
        yield id_, title, [(name, str(value)) for name, value in rows.items() if value not in {None, ""}]


def _board(hardware: Json) -> dict[str, Any]:
    built = hardware["bootloader"]
    day = "" if built is None else f"{utc(built):%Y-%m-%d}"
    return {
        "Model": hardware["model"],
        "Chip": hardware["soc"],
        "Memory": hardware["memory"] and memory(hardware["memory"]),
        "Maker": hardware["maker"],
        "Revision": hardware["revision"],
        "Boots from": hardware["boot_medium"],
        "USB devices": hardware["usb_devices"],
        "Bootloader": joined(day, hardware["bootloader_outdated"] and "a newer one is there"),
    }


def _software(system: Json, hardware: Json) -> dict[str, Any]:
    pending, security = (system["updates"] or {}).get("pending"), (system["updates"] or {}).get("security")
    updates = None if pending is None else f"{pending}, {security or 0} for security" if pending else "none"
    wanted, reason = system["reboot_required"], system["reboot_reason"]
    return {
        "System": joined(system["os"], system["userland_bits"] and f"{system['userland_bits']}-bit"),
        "Kernel": joined(system["kernel"], system["architecture"]),
        "Firmware": hardware["firmware"],
        "Updates": updates,
        "Restart": None if wanted is None else joined("needed", reason) if wanted else "not needed",
    }


def _clocks(now: Json) -> dict[str, Any]:
    clocks, gpu, system = now["clocks"], now["gpu"], now["system"]
    in_step = system["clock_synchronized"]
    return {
        "CPU": clocks["arm"] and hertz(clocks["arm"]),
        "GPU": clocks["core"] and hertz(clocks["core"]),
        "3D": None if gpu["v3d_clock"] is None else hertz(gpu["v3d_clock"]),
        "Memory": clocks["sdram"] and hertz(clocks["sdram"]),
        "GPU memory": gpu["memory"] and memory(gpu["memory"]),
        "Governor": now["cpu_governor"],
        "Time set by": system["clock_source"],
        "In step": None if in_step is None else "yes" if in_step else "no",
    }
