"""The limits that an owner sets: `disk.full=95, heat.hot=70, system.updates=off`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeAlias

from pistat.diagnosis import BY_ID
from pistat.diagnosis.finding import Finding, Stage
from pistat.text import quoted
from pistat.validators import BadValueError, Kind

Limits: TypeAlias = "tuple[tuple[str, tuple[Stage, ...]], ...]"
"""The IDs of the findings that an owner has set, each with its stages; none for one that is off."""

OFF = "off"
NUMBER = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{1,6})?", re.ASCII)


def read(text: str) -> Limits:
    """Return the stages that `text` asks for.

    Raises:
        BadValueError: Something in it is not accepted; its text says what, and what is.
    """
    found: dict[str, tuple[Stage, ...]] = {}
    for item in (part.strip(" ") for part in text.split(",")) if text.strip(" ") else ():
        identifier, _, value = (part.strip(" ") for part in item.partition("="))
        finding = BY_ID.get(identifier)
        if finding is None:
            raise BadValueError(f"{quoted(item)}; expected id=number or id=off, with an ID of /diagnosis")
        if identifier in found:
            raise BadValueError(f"{quoted(item)}; expected each ID once")
        found[identifier] = () if value == OFF else _moved(finding, value, item)
    return tuple(found.items())


def _moved(finding: Finding, text: str, whole: str) -> tuple[Stage, ...]:
    """Return the stages of a finding from another limit on: `clear` moves along, later stages stay beyond."""
    if finding.accepts is None:
        raise BadValueError(f"{quoted(whole)}; expected {finding.id}={OFF}, for it has no limit")
    low, high = finding.accepts
    limit = float(text) if NUMBER.fullmatch(text) else float("nan")
    if not low <= limit <= high:
        raise BadValueError(
            f"{quoted(whole)}; expected {finding.id}={OFF} or a number from {low:g} to {high:g}"
        )
    first, *others = finding.stages
    change = limit - first.limit
    beyond = min if finding.below else max
    return (
        replace(first, limit=limit, clear=first.clear + change),
        *(replace(stage, limit=beyond(stage.limit, limit)) for stage in others),
    )


LIMITS = Kind(read, "id=number or id=off, separated by commas, such as disk.full=95, boot.loop=off; or empty")
