"""The config flow of Home Assistant's Glances integration, without its server.

The Python of Home Assistant's environment runs it, with a JSON list of the forms that a user would fill in.
It prints a JSON list: for each form what the flow said, and the states of the entities that it made.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from typing import Any

from homeassistant import bootstrap, config_entries, core, loader
from homeassistant.helpers import entity_registry


async def run(forms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="home-assistant-") as folder:
        hass = core.HomeAssistant(folder)
        hass.config.skip_pip = True
        loader.async_setup(hass)
        hass.config_entries = config_entries.ConfigEntries(hass, {})
        await bootstrap.async_load_base_functionality(hass)
        hass.set_state(core.CoreState.running)
        found = [await add(hass, form) for form in forms]
        await hass.async_stop(force=True)
        return found


async def add(hass: Any, form: dict[str, Any]) -> dict[str, Any]:
    """Fill in the form that the integration shows, and return the states of what it made."""
    result = await hass.config_entries.flow.async_init("glances", context={"source": "user"}, data=form)
    await hass.async_block_till_done()
    found: dict[str, Any] = {"type": str(getattr(result["type"], "value", result["type"])), "states": {}}
    found["errors"] = result.get("errors") or {}
    if result.get("result"):
        registry = entity_registry.async_get(hass)
        for entity in entity_registry.async_entries_for_config_entry(registry, result["result"].entry_id):
            state = hass.states.get(entity.entity_id)
            name = entity.unique_id.removeprefix(f"{result['result'].entry_id}-")
            found["states"][name] = state.state if state else None
    return found


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    print(json.dumps(asyncio.run(run(json.loads(sys.argv[1])))))
