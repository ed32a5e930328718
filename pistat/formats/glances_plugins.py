"""The plugins of Glances 4, made of our readings, for its clients: Home Assistant, Homepage, Dashy.

Those clients compute with what they get, so nothing in here is null that they compute with: a key, or a whole
row, whose number is not known is left out. Command lines are never sent.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pistat.collectors import processes
from pistat.machine import board, cpu_times
from pistat.machine.machine import Machine
from pistat.machine.processes import Process
from pistat.parsers import kernel
from pistat.parsers.values import Json
from pistat.text import utc

VERSION = "4.5.8+pistat"
"""The version of Glances whose answers these are, and who gives them: a valid version number of PEP 440."""

LISTED = 50
"""Rows of `processlist`."""

INTERVAL_SECONDS = 1.0
"""Over which amounts "since the last reading" are given; clients divide by it and get the measured rate."""

Row: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class Readings:
    """What plugins are made of.

    Attributes:
        values: The answers by their top-level keys.
        modes: Percent of time by CPU mode: all CPUs together first, then each; empty where unknown.
        cpu: The processor.
        findings: What the diagnosis has found.
        events: What happened until now, in order: findings that began and ended.
    """

    values: Mapping[str, Any]
    modes: list[dict[str, float]]
    cpu: Processor
    findings: Sequence[Row] = ()
    events: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Processor:
    """What a processor is called, how many cores it has, and its highest frequency in Hz."""

    name: str
    physical: int
    logical: int
    highest: int | None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin of Glances: the keys that it needs, and what makes its answer of them."""

    keys: tuple[str, ...]
    answer: Callable[[Readings], Any]


def _known(**numbers: Any) -> Row:
    """Return those that are known."""
    return {name: value for name, value in numbers.items() if value is not None}


# The processor


def _cpu(readings: Readings) -> Row:
    modes = readings.modes[0] if readings.modes else {}
    shown = {name: modes.get(name) for name in cpu_times.MODES if name != "softirq"}
    return _known(total=readings.values["cpu_usage"], **shown, cpucore=readings.cpu.logical)


def _percpu(readings: Readings) -> list[Row]:
    rows = []
    for number, total in enumerate(readings.values["per_cpu_usage"] or ()):
        if total is not None:
            modes = readings.modes[number + 1] if len(readings.modes) > number + 1 else {}
            rows.append({"key": "cpu_number", "cpu_number": number, "total": total, **modes})
    return rows


def _load(readings: Readings) -> Row:
    names = ("min1", "min5", "min15")
    loads = zip(names, readings.values["load_avg"], strict=True)
    return _known(**dict(loads), cpucore=readings.cpu.logical)


def _core(readings: Readings) -> Row:
    return {"phys": readings.cpu.physical, "log": readings.cpu.logical}


def _quicklook(readings: Readings) -> Row:
    values, cpu = readings.values, readings.cpu
    load, frequency = values["load_avg"][2], values["cpu_freq"]
    known = _known(
        mem=values["memory"]["percent"],
        swap=values["swap"]["percent"] or 0.0,
        load=None if load is None else round(100.0 * load / cpu.logical, 1),
        cpu_name=cpu.name,
        cpu_hz=cpu.highest,
        cpu_hz_current=None if frequency is None else frequency * 1e6,
        cpu_log_core=cpu.logical,
        cpu_phys_core=cpu.physical,
        percpu=_percpu(readings),
    )
    # Home Assistant fails without that key, and shows null as unavailable; it does not compute with it.
    return {"cpu": values["cpu_usage"], **known}


# Memory, disks, network


def _mem(readings: Readings) -> Row:
    memory = readings.values["memory"]
    total, available = memory["total"], memory["available"]
    if None in (total, available):
        return {}
    # As Glances has it: all that is not available is used, and all that is available is free.
    amounts = {"total": total, "available": available, "used": total - available, "free": available}
    return _known(percent=memory["percent"], **amounts)


def _memswap(readings: Readings) -> Row:
    return {name: value or 0 for name, value in readings.values["swap"].items() if name in SWAP}


SWAP = ("total", "used", "free", "percent")


def _fs(readings: Readings) -> list[Row]:
    return [
        {
            "key": "mnt_point",
            "mnt_point": row["mountpoint"],
            "device_name": row["device"] or "",
            "fs_type": row["filesystem"] or "",
            "options": "ro" if row["read_only"] else "rw",
            "size": row["total"],
            "used": row["used"],
            "free": row["free"],
            "percent": row["percent"],
        }
        for row in readings.values["devices"] or ()
        if None not in (row["total"], row["used"], row["free"], row["percent"])
    ]


def _diskio(readings: Readings) -> list[Row]:
    rows = []
    for name, disk in (readings.values["disks"] or {}).items():
        read, write = disk.get("read_rate"), disk.get("write_rate")
        if None not in (read, write, disk["bytes_read"], disk["bytes_written"]):
            rows.append(
                {
                    "key": "disk_name",
                    "disk_name": name,
                    "time_since_update": INTERVAL_SECONDS,
                    **_counted("read_bytes", read, disk["bytes_read"]),
                    **_counted("write_bytes", write, disk["bytes_written"]),
                }
            )
    return rows


def _network(readings: Readings) -> list[Row]:
    rows = []
    for name, link in (readings.values["interfaces"] or {}).items():
        if not isinstance(link, dict):
            continue  # how many connections there are stands beside the interfaces
        received, sent = link.get("recv_rate"), link.get("sent_rate")
        if None in (received, sent, link["bytes_recv"], link["bytes_sent"]):
            continue
        rows.append(
            {
                "key": "interface_name",
                "interface_name": name,
                "alias": None,
                "is_up": bool(link["is_up"]),
                "speed": (link["speed"] or 0) * 1_000_000,
                "time_since_update": INTERVAL_SECONDS,
                **_counted("bytes_recv", received, link["bytes_recv"]),
                **_counted("bytes_sent", sent, link["bytes_sent"]),
            }
        )
    return rows


def _ip(readings: Readings) -> Row:
    """Return the first IPv4 address of the interface with the default route."""
    links = [link for link in (readings.values["interfaces"] or {}).values() if isinstance(link, dict)]
    for link in links:
        for text in link["addresses"] or () if link["default_route"] else ():
            address = ipaddress.ip_interface(text)
            if address.version == IPV4:
                return {
                    "address": str(address.ip),
                    "mask": str(address.netmask),
                    "mask_cidr": address.network.prefixlen,
                }
    return {}


IPV4 = 4


def _counted(name: str, rate: Any, total: int) -> Row:
    """Return a counter as Glances gives it: its growth in the interval, the same a second, and itself."""
    return {
        name: round(rate * INTERVAL_SECONDS),
        f"{name}_rate_per_sec": rate,
        f"{name}_gauge": total,
    }


# Sensors


CPU_SENSOR = "cpu_thermal 0"
"""Homepage takes the first label that begins with `cpu_thermal` for that of the processor."""

DISKS = re.compile(r"nvme|drivetemp")


def _sensors(readings: Readings) -> list[Row]:
    temperatures = dict(readings.values["temperatures"] or {})
    limits = temperatures.pop("cpu_thermal", None) or {}
    processor = {"temperature": readings.values["cpu_temp"], **_limits(limits)}
    rows = [_temperature(CPU_SENSOR, processor)]
    rows += [_temperature(name, sensor) for name, sensor in temperatures.items()]
    rows += [
        _sensor(name, "fan_speed", "R", fan["rpm"], None, None)
        for name, fan in (readings.values["fans"] or {}).items()
    ]
    return [row for row in rows if row["value"] is not None]


def _limits(sensor: Mapping[str, Json]) -> dict[str, Json]:
    return {name: sensor.get(name) for name in ("high", "critical")}


def _temperature(label: str, sensor: Mapping[str, Any]) -> Row:
    kind = "temperature_hdd" if DISKS.match(label) else "temperature_core"
    return _sensor(label, kind, "C", sensor["temperature"], sensor.get("high"), sensor.get("critical"))


def _sensor(label: str, kind: str, unit: str, value: Json, warning: Json, critical: Json) -> Row:
    return {
        "key": "label",
        "label": label,
        "type": kind,
        "unit": unit,
        "value": value,
        "warning": warning,
        "critical": critical,
    }


def _gpu(readings: Readings) -> list[Row]:
    gpu = readings.values["gpu"]
    if all(value is None for value in gpu.values()):
        return []
    return [
        {
            "key": "gpu_id",
            "gpu_id": "v3d",
            "name": "VideoCore",
            "mem": None,
            "proc": gpu.get("busy"),
            "temperature": gpu["temperature"],
            "fan_speed": None,
        }
    ]


# Processes


def _processcount(readings: Readings) -> Row:
    span = readings.values["processes"]
    table = span.newer.processes.values() if span else ()
    states = [process.state for process in table]
    return {
        "total": len(states),
        "running": states.count(b"R"),
        "sleeping": states.count(b"S"),
        "thread": sum(process.threads for process in table),
    }


def _processlist(readings: Readings) -> list[Row]:
    span = readings.values["processes"]
    if not span:
        return []
    rows: list[Any] = processes.top(span, "cpu", LISTED)
    return [
        _process(row, span.newer.processes[row["pid"]]) for row in rows if row["memory_percent"] is not None
    ]


def _process(row: Row, process: Process) -> Row:
    return {
        "key": "pid",
        "pid": row["pid"],
        "name": row["name"],
        "username": row["user"] or "",
        "status": process.state.decode("ascii", "replace"),
        "cpu_percent": row["cpu_percent"],
        "memory_percent": row["memory_percent"],
        "memory_info": {"rss": process.memory, "vms": process.size},
        "num_threads": process.threads,
    }


def _containers(readings: Readings) -> list[Row]:
    return [
        {
            "key": "name",
            "name": row["name"],
            "id": row["id"] or row["name"],
            "engine": row["engine"] or "",
            "status": "running",
            "cpu": {"total": row["cpu_percent"]},
            "cpu_percent": row["cpu_percent"],
            # Files that the kernel would drop first are not in our number; Homepage takes them off.
            "memory": _known(usage=row["memory"], limit=row["memory_limit"], inactive_file=0),
            "memory_usage": row["memory"],
        }
        for row in readings.values["containers"] or ()
        if None not in (row["cpu_percent"], row["memory"], row["name"])
    ]


# The system


def _system(readings: Readings) -> Row:
    system = readings.values["system"]
    name, kernel_release = system["os"] or "", system["kernel"] or ""
    width = f"{system['userland_bits']}bit" if system["userland_bits"] else ""
    return {
        "os_name": "Linux",
        "hostname": system["hostname"] or "",
        "platform": width,
        "linux_distro": name,
        "os_version": kernel_release,
        "hr_name": f"{name} {width} / Linux {kernel_release}",
    }


def _uptime(readings: Readings) -> str:
    """Return it with the days, even with none: without them Homepage takes hours for days."""
    seconds = int(readings.values["uptime"] or 0)
    days, rest = divmod(seconds, 86_400)
    unit = "day" if days == 1 else "days"
    return f"{days} {unit}, {rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"


def _now(readings: Readings) -> Row:
    moment = utc(int(readings.values["timestamp"] or 0))
    return {"iso": moment.isoformat(), "custom": moment.strftime("%Y-%m-%d %H:%M:%S UTC")}


def _alert(readings: Readings) -> list[Row]:
    """Return what is wrong and what was wrong, the newest first as Glances has it."""
    rows = [*_lasting(readings.findings), *_ended(readings.events)]
    rows.sort(key=lambda row: (row["end"] == ONGOING, row["begin"]), reverse=True)
    return rows[:ALERTS]


def _lasting(findings: Sequence[Row]) -> Iterator[Row]:
    for finding in findings:
        if finding["severity"] in LEVELS:
            numbers = (value for value in finding["evidence"].values() if _is_number(value))
            yield _alert_row(finding, int(finding["since"] or 0), ONGOING, next(numbers, None))


def _ended(events: Sequence[Row]) -> Iterator[Row]:
    for event in events:
        if event["severity"] in LEVELS and event["duration"] is not None:
            begin = int(event["time"] - event["duration"])
            yield _alert_row(event, begin, int(event["time"]), event["value"])


def _alert_row(found: Row, begin: int, end: int, value: float | None) -> Row:
    """Return a row; there was one measurement, or none."""
    return {
        "begin": begin,
        "end": end,
        "state": LEVELS[found["severity"]],
        "type": found["id"],
        **dict.fromkeys(("min", "max", "avg", "sum"), float(value or 0.0)),
        "count": 0 if value is None else 1,
        "top": [],
        "desc": found["title"],
        "sort": "",
        "global_msg": found["title"],
    }


ALERTS = 20
"""Rows of `alert`."""

ONGOING = -1
"""The end of an alert that lasts."""

LEVELS = {"warning": "WARNING", "critical": "CRITICAL"}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


PLUGINS: dict[str, Plugin] = {
    "version": Plugin((), lambda _: VERSION),
    "now": Plugin(("timestamp",), _now),
    "core": Plugin((), _core),
    "uptime": Plugin(("uptime",), _uptime),
    "system": Plugin(("system",), _system),
    "quicklook": Plugin(("cpu_usage", "per_cpu_usage", "cpu_freq", "memory", "swap", "load_avg"), _quicklook),
    "cpu": Plugin(("cpu_usage",), _cpu),
    "percpu": Plugin(("per_cpu_usage",), _percpu),
    "load": Plugin(("load_avg",), _load),
    "mem": Plugin(("memory",), _mem),
    "memswap": Plugin(("swap",), _memswap),
    "fs": Plugin(("devices",), _fs),
    "diskio": Plugin(("disks",), _diskio),
    "network": Plugin(("interfaces",), _network),
    "ip": Plugin(("interfaces",), _ip),
    "sensors": Plugin(("cpu_temp", "temperatures", "fans"), _sensors),
    "gpu": Plugin(("gpu",), _gpu),
    "processcount": Plugin(("processes",), _processcount),
    "processlist": Plugin(("processes",), _processlist),
    "containers": Plugin(("containers",), _containers),
    "alert": Plugin((), _alert),
}
"""By name, in the order of `all`."""


# What stays the same until the next boot


def processor(machine: Machine) -> Processor:
    """Return what is known of the processor, which stays the same until the next boot."""
    return machine.memo.forever("processor", lambda: _processor(machine)) or Processor("", 1, 1, None)


def _processor(machine: Machine) -> Processor:
    text = machine.sensor("/proc/cpuinfo", 1 << 20)
    logical = len(re.findall(r"^processor\s*:", text, re.MULTILINE)) or machine.cores
    cores = set(re.findall(r"^physical id\s*: (\d+)(?:\n.+)*?\ncore id\s*: (\d+)", text, re.MULTILINE))
    model = re.search(r"^model name\s*: (.+)", text, re.MULTILINE)
    name = board.soc(machine) or (model[1].strip() if model else "")
    highest = kernel.kilohertz(machine.word("/sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq") or "")
    return Processor(name, len(cores) or logical, logical, highest)
