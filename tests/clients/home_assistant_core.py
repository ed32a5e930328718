"""The core of Home Assistant with MQTT, a webhook and an automation, for home_assistant_mqtt.py.

It reads a command a line from its standard input, and answers each with a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeassistant import auth, bootstrap, config_entries, core, loader
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.setup import async_setup_component

WEBHOOK = "a-secret-id"


class Home:
    """One Home Assistant.

    Attributes:
        heard: What its automation got of the webhook.
    """

    def __init__(self, folder: str) -> None:
        self.hass = core.HomeAssistant(folder)
        self.heard: list[Any] = []

    async def start(self, broker: int, port: int) -> None:
        hass = self.hass
        hass.config.skip_pip = True
        loader.async_setup(hass)
        hass.config_entries = config_entries.ConfigEntries(hass, {})
        await bootstrap.async_load_base_functionality(hass)
        hass.auth = await auth.auth_manager_from_config(hass, [], [])
        http = {"http": {"server_host": "127.0.0.1", "server_port": port}}
        assert await async_setup_component(hass, "http", http)
        hass.config.components.add("file_upload")
        assert await async_setup_component(hass, "webhook", {})
        automation = {
            "alias": "Message from pi-stat",
            "triggers": [
                {"trigger": "webhook", "webhook_id": WEBHOOK, "allowed_methods": ["POST"], "local_only": True}
            ],
            "actions": [
                {
                    "event": "pi_stat",
                    "event_data_template": {
                        "title": "{{ trigger.json.title }}",
                        "message": "{{ trigger.json.message }}",
                        "state": "{{ trigger.json.state }}",
                    },
                }
            ],
        }
        assert await async_setup_component(hass, "automation", {"automation": [automation]})
        hass.bus.async_listen("pi_stat", lambda event: self.heard.append(dict(event.data)))
        await hass.async_start()
        flow = await hass.config_entries.flow.async_init("mqtt", context={"source": "user"})
        if flow["type"] == "menu":
            flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"next_step_id": "broker"})
        given = {"broker": "127.0.0.1", "port": broker}
        flow = await hass.config_entries.flow.async_configure(flow["flow_id"], given)
        assert flow["type"] == "create_entry", flow
        await hass.async_block_till_done()

    def entities(self) -> list[dict[str, Any]]:
        """Every entity of a device of ours, those that are off as well."""
        found = []
        for each in entity_registry.async_get(self.hass).entities.values():
            state = self.hass.states.get(each.entity_id)
            if each.platform == "mqtt":
                found.append(
                    {
                        "entity_id": each.entity_id,
                        "unique_id": each.unique_id,
                        "disabled": each.disabled_by is not None,
                        "state": state.state if state else None,
                        "attributes": dict(state.attributes) if state else {},
                    }
                )
        return found

    def devices(self) -> list[dict[str, Any]]:
        known = device_registry.async_get(self.hass).devices.values()
        names = ("name", "manufacturer", "model", "hw_version", "sw_version", "serial_number")
        ours = [each for each in known if any(domain == "mqtt" for domain, _ in each.identifiers)]
        return [{name: getattr(each, name) for name in names} for each in ours]


async def main(broker: int, port: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "configuration.yaml").write_text("{}\n")
        home = Home(folder)
        await home.start(broker, port)
        print("ready", flush=True)
        commands: dict[str, Callable[[], Any]] = {
            "entities": home.entities,
            "devices": home.devices,
            "heard": lambda: home.heard,
        }
        loop = asyncio.get_running_loop()
        while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
            await home.hass.async_block_till_done()
            print(json.dumps(commands[line](), default=str), flush=True)
        await home.hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
