"""What Home Assistant gets over MQTT: entities declared once each, made of the declared readings.

Device discovery as of Home Assistant 2024.11:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pistat import __version__
from pistat.diagnosis import report
from pistat.diagnosis.finding import Severity
from pistat.field import Field, Unit
from pistat.monitor.capabilities import FIELDS_BY_PATH
from pistat.parsers.values import Json
from pistat.text import utc

Values: TypeAlias = "Mapping[str, Any]"
"""Answers by top-level key, and `status` and `sentence` of the diagnosis besides them."""

Config: TypeAlias = "dict[str, Any]"

JUDGED = {field.path: field for field in report.FIELDS}


def field_of(path: str) -> Field:
    """Return the declaration of a reading, or of a part of the diagnosis."""
    return JUDGED.get(path) or FIELDS_BY_PATH[path]


MEASUREMENT = {"state_class": "measurement"}
CLASSES: dict[Unit, Config] = {
    Unit.BYTES: {"device_class": "data_size", "suggested_unit_of_measurement": "GB", **MEASUREMENT},
    Unit.BYTES_PER_SECOND: {
        "device_class": "data_rate",
        "suggested_unit_of_measurement": "kB/s",
        **MEASUREMENT,
    },
    Unit.CELSIUS: {"device_class": "temperature", "suggested_display_precision": 1, **MEASUREMENT},
    Unit.DBM: {"device_class": "signal_strength", **MEASUREMENT},
    Unit.FLAG: {"device_class": "problem"},
    Unit.MEGAHERTZ: {"device_class": "frequency", **MEASUREMENT},
    Unit.PERCENT: {"suggested_display_precision": 1, **MEASUREMENT},
    Unit.TEXT: {},
    Unit.UNIX_TIME: {"device_class": "timestamp"},
    Unit.VOLTS: {"device_class": "voltage", **MEASUREMENT},
    Unit.WATTS: {"device_class": "power", **MEASUREMENT},
}
"""What a unit is to Home Assistant; the others are numbers that are measured."""

WITHOUT_SYMBOL = {Unit.COUNT, Unit.FLAG, Unit.LOAD, Unit.TEXT, Unit.UNIX_TIME}

FLAG = "{{{{ {{true: 'ON', false: 'OFF'}}.get(value_json.{key}, 'None') }}}}"
"""Jinja writes `True` for true, which Home Assistant does not take for ON; `None` becomes unknown."""

ATTRIBUTES = (
    "{{ {'status': value_json.status, 'sentence': value_json.sentence,"
    " 'findings': value_json.findings | map(attribute='title') | list,"
    " 'advice': value_json.findings | map(attribute='advice') | list} | tojson }}"
)
"""Without the readings of the findings and the time: Home Assistant would store them again each minute."""

LONGEST = 255
"""Characters of a state."""

EXPIRE = 5
"""After so many intervals without a message, a reading is no longer shown."""

ROUND_SECONDS = 10.0
"""The time of the boot is rounded, so that a small correction of the clock does not move it."""

MOST_FILESYSTEMS = 16
"""Further filesystems that have an entity."""


def _at(path: str) -> Callable[[Values], Any]:
    """Return a reader of one leaf; None where the way to it ends. `[3]` stands for the first of three."""

    def read(values: Values) -> Any:
        value: Any = values
        for step in field_of(path).steps:
            if step.startswith("["):
                return value[0] if value else None
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    return read


def _over(path: str, combine: Callable[[list[Any]], Any], only: str = "") -> Callable[[Values], Any]:
    """Return a reader of one leaf of all rows below a key, combined; `only` is a flag of those that count."""
    key, _, leaf = path.partition(".")
    leaf = leaf.rpartition(".")[2]

    def read(values: Values) -> Any:
        rows = [row for row in (values.get(key) or {}).values() if isinstance(row, dict)]
        found = [row[leaf] for row in rows if row.get(leaf) is not None and (not only or row[only])]
        return combine(found) if found else None

    return read


def _boot(values: Values) -> str | None:
    moment = values.get("boot_time")
    if moment is None:
        return None
    return utc(round(moment / ROUND_SECONDS) * ROUND_SECONDS).isoformat()


def _problem(values: Values) -> bool:
    return values["status"] in {Severity.WARNING.label, Severity.CRITICAL.label}


class Entity(NamedTuple):
    """One entity of Home Assistant.

    Attributes:
        key: Its name in the state and the end of its unique ID; it never changes.
        name: What people read.
        path: The field that it follows.
        read: Reads it; by default that leaf.
        enabled: Whether it is there from the beginning, or only if the owner wants it.
        diagnostic: Whether it is about the device and not what that is for.
        unit: Its unit, where it is not that of the field.
        more: Further lines of its configuration.
    """

    key: str
    name: str
    path: str
    read: Callable[[Values], Any] | None = None
    enabled: bool = True
    diagnostic: bool = False
    unit: Unit | None = None
    more: Mapping[str, Json] = {}

    def value(self, values: Values) -> Any:
        """Return what it is; None where this machine has no such reading, or it failed."""
        found = (self.read or _at(self.path))(values)
        return found[:LONGEST] if isinstance(found, str) else found

    def config(self, identity: str, seconds: float) -> Config:
        """Return its part of the discovery.

        Args:
            identity: The unique ID of the device.
            seconds: The time between two states.
        """
        unit = self.unit or field_of(self.path).unit
        found: Config = {
            "platform": "binary_sensor" if unit is Unit.FLAG else "sensor",
            "unique_id": f"{identity}_{self.key}",
            "name": self.name,
            "value_template": FLAG.format(key=self.key)
            if unit is Unit.FLAG
            else f"{{{{ value_json.{self.key} }}}}",
            "expire_after": round(EXPIRE * seconds),
            **CLASSES.get(unit, MEASUREMENT),
        }
        if unit not in WITHOUT_SYMBOL:
            found["unit_of_measurement"] = unit.symbol
        if self.diagnostic:
            found["entity_category"] = "diagnostic"
        if not self.enabled:
            found["enabled_by_default"] = False
        return {**found, **self.more}


def _icon(name: str) -> dict[str, Json]:
    return {"icon": f"mdi:{name}"}


PROBLEM = "problem"
ENTITIES = (
    Entity("cpu_temp", "CPU temperature", "cpu_temp"),
    Entity("cpu_usage", "CPU usage", "cpu_usage", more=_icon("cpu-64-bit")),
    Entity("memory", "Memory in use", "memory.percent", more=_icon("memory")),
    Entity("disk", "Disk in use", "disk.percent", more=_icon("harddisk")),
    Entity(PROBLEM, "Problem", "status", _problem, unit=Unit.FLAG),
    Entity("sentence", "Diagnosis", "sentence", more=_icon("stethoscope")),
    Entity("under_voltage", "Under-voltage", "power.under_voltage", diagnostic=True),
    Entity("throttled", "Throttled", "power.throttled", diagnostic=True),
    Entity("fan", "Fan", "fans.{fan}.rpm", _over("fans.{fan}.rpm", max), more=_icon("fan")),
    Entity(
        "wifi_signal",
        "Wi-Fi signal",
        "interfaces.{interface}.signal_strength",
        _over("interfaces.{interface}.signal_strength", max),
        diagnostic=True,
    ),
    Entity("last_boot", "Last boot", "boot_time", _boot, diagnostic=True),
    Entity(
        "reboot_required",
        "Restart required",
        "system.reboot_required",
        diagnostic=True,
        more={"device_class": "update"},
    ),
    Entity("load", "Load", "load_avg[3]", enabled=False, more=_icon("gauge")),
    Entity("swap", "Swap in use", "swap.percent", enabled=False, more=_icon("memory")),
    Entity("disk_free", "Disk free", "disk.free", enabled=False),
    Entity(
        "received",
        "Received",
        "interfaces.{interface}.recv_rate",
        _over("interfaces.{interface}.recv_rate", sum, "physical"),
        enabled=False,
    ),
    Entity(
        "sent",
        "Sent",
        "interfaces.{interface}.sent_rate",
        _over("interfaces.{interface}.sent_rate", sum, "physical"),
        enabled=False,
    ),
    Entity("disk_read", "Disk read", "disk_io.read_rate", enabled=False),
    Entity("disk_written", "Disk written", "disk_io.write_rate", enabled=False),
    Entity("cpu_freq", "CPU frequency", "cpu_freq", enabled=False),
    Entity("input_voltage", "Input voltage", "pmic.input_voltage", enabled=False),
    Entity("watts", "Power of the board", "pmic.watts", enabled=False),
    Entity(
        "under_voltage_since_boot",
        "Under-voltage since boot",
        "power.under_voltage_since_boot",
        enabled=False,
        diagnostic=True,
    ),
    Entity("failed_services", "Failed services", "failed_count", enabled=False, diagnostic=True),
)
"""All entities but the further filesystems and the updates; a machine has those for which it has readings."""

FACTS = ("hardware", "system", "interfaces", "devices")
"""The top-level keys that the device, the filesystems and the updates are made of."""

KEYS = tuple(
    dict.fromkeys(
        [
            *(FIELDS_BY_PATH[entity.path].key for entity in ENTITIES if entity.path not in JUDGED),
            *FACTS,
        ]
    )
)
"""The top-level keys of the answers that are needed."""


def state(known: dict[str, Entity], values: Values) -> dict[str, Json]:
    """Return the values of the entities that this machine has, as a flat object.

    Those that have a value for the first time are added to `known`; what had one before may be null.
    """
    found: dict[str, Json] = {}
    for entity in (*ENTITIES, *_filesystems(values)):
        value = entity.value(values)
        if value is not None:
            known.setdefault(entity.key, entity)
        if entity.key in known:
            found[entity.key] = value
    gone = known.keys() - found.keys()
    return {**found, **dict.fromkeys(gone)}


def _filesystems(values: Values) -> Iterator[Entity]:
    """Yield an entity for each filesystem besides the root."""
    places = [str(row["mountpoint"]) for row in values.get("devices") or () if row["mountpoint"] != "/"]
    taken: set[str] = set()
    for place in places[:MOST_FILESYSTEMS]:
        key = "disk_" + re.sub("[^a-z0-9]+", "_", place.lower()).strip("_")
        if key not in taken:
            taken.add(key)
            yield Entity(
                key,
                f"{place} in use",
                "devices[row].percent",
                _used(place),
                enabled=False,
                more=_icon("harddisk"),
            )


def _used(place: str) -> Callable[[Values], Any]:
    """Return a reader of how full the filesystem is that is mounted there."""

    def read(values: Values) -> Any:
        return next(
            (row["percent"] for row in values.get("devices") or () if row["mountpoint"] == place), None
        )

    return read


def updates(values: Values) -> dict[str, Json] | None:
    """Return the state of the update entity; None where nobody knows of updates."""
    pending = _at("system.updates.pending")(values)
    if pending is None:
        return None
    newest = f"{pending} pending" if pending else "current"
    return {"installed_version": "current", "latest_version": newest, "title": "Debian packages"}


def discovery(
    entities: Sequence[Entity], values: Values, identity: str, base: str, page: str, seconds: float
) -> Config:
    """Return the message by which Home Assistant learns of the device and its entities.

    Args:
        entities: Those that the machine has.
        values: What the device is described by.
        identity: The unique ID of the device.
        base: How the topics of this machine begin.
        page: The address of its page.
        seconds: The time between two states.
    """
    components = {entity.key: entity.config(identity, seconds) for entity in entities}
    components[PROBLEM] |= {
        "json_attributes_topic": f"{base}/diagnosis",
        "json_attributes_template": ATTRIBUTES,
    }
    if updates(values):
        components["updates"] = {
            "platform": "update",
            "unique_id": f"{identity}_updates",
            "name": "System packages",
            "entity_category": "diagnostic",
            "state_topic": f"{base}/updates",
        }
    return {
        "device": _device(values, identity, page),
        "origin": {"name": "pi-stat", "sw_version": __version__, "support_url": page},
        "availability": [{"topic": f"{base}/availability"}],
        "state_topic": f"{base}/state",
        "qos": 0,
        "components": components,
    }


def _device(values: Values, identity: str, page: str) -> Config:
    hardware, system = values["hardware"], values["system"]
    model = hardware["model"]
    found: Config = {
        "identifiers": [identity],
        "connections": [["mac", address] for address in _addresses(values)],
        "name": system["hostname"] or "pi-stat",
        "manufacturer": "Raspberry Pi" if (model or "").startswith("Raspberry Pi") else None,
        "model": model,
        "hw_version": hardware["pcb_revision"],
        "sw_version": system["os"],
        "serial_number": hardware["serial"],
        "configuration_url": page,
    }
    return {key: value for key, value in found.items() if value}


def _addresses(values: Values) -> list[str]:
    """Return the hardware addresses that belong to this machine alone."""
    rows = [row for row in (values.get("interfaces") or {}).values() if isinstance(row, dict)]
    return [
        row["mac"] for row in rows if row["physical"] and row["mac"] and row["kind"] in {"ethernet", "wifi"}
    ]
