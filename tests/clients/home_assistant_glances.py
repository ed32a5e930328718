#!/usr/bin/env python3
"""Add pi-stat to Home Assistant by its Glances integration: `home_assistant_glances.py [VERSION...]`.

Each version is installed from PyPI; the first time that takes a few minutes, and Python 3.13 or newer, which
`PYTHON` may name. Its config flow is run against the daemon on this machine, without a token, with a wrong
one and with the right one, and against every recorded board. Each must make at least 20 entities, none
of them unknown.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[each]) for each in (1, 2)]

from support.daemon import Daemon  # noqa: E402 - found by the line above
from support.programs import home_assistant  # noqa: E402

HERE = Path(__file__).resolve().parent
FLEET = HERE.parent / "support/daemons/fleet.py"
TOKEN = "a-token-that-is-long-enough"
LEAST = 20


def form(port: int, **more: str) -> dict[str, Any]:
    """What a user fills in."""
    return {"host": "127.0.0.1", "port": port, "ssl": False, "verify_ssl": False, **more}


def complaints(found: dict[str, Any]) -> list[str]:
    """What is wrong with the outcome of a flow."""
    if found["type"] != "create_entry":
        return [f"{found['type']}: {found['errors']}"]
    wrong = [
        f"{name} is {state}"
        for name, state in found["states"].items()
        if state in {None, "unknown"} or (state == "unavailable" and not VIDEOCORE.search(name))
    ]
    few = len(found["states"]) < LEAST
    return [*wrong, *([f"fewer than {LEAST} entities"] if few else [])]


VIDEOCORE = re.compile(r"VideoCore.*-(?:mem|proc|fan_speed)$")
"""What a GPU of a Raspberry Pi does not report. Left out, Home Assistant would show 0 for it."""


def check(version: str, forms: dict[str, dict[str, Any]]) -> bool:
    """Run the flow for all of them, print a line for each, and return whether all went well."""
    command = [str(home_assistant.python(version)), str(HERE / "home_assistant_flow.py")]
    said = subprocess.run(
        [*command, json.dumps(list(forms.values()))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    ).stdout
    found = dict(zip(forms, json.loads(said.splitlines()[-1]), strict=True))
    wrong_token = found.pop("a wrong token")
    well: bool = wrong_token["errors"] == {"base": "invalid_auth"}
    print(f"{version}  a wrong token: {wrong_token['errors']}")
    for name, each in found.items():
        wrong = complaints(each)
        well = well and not wrong
        print(f"{version}  {name}: {len(each['states'])} entities  {'; '.join(wrong)}")
    return well


def main() -> int:
    open_one, locked = Daemon(), Daemon({"PISTAT_API_TOKEN": TOKEN})
    with subprocess.Popen(
        [sys.executable, str(FLEET)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as fleet:
        try:
            assert fleet.stdout is not None
            ports = json.loads(fleet.stdout.readline())
            open_one.wait_until_ready()
            locked.wait_until_ready()
            forms = {
                "this machine": form(open_one.port),
                "a wrong token": form(locked.port, username="anyone", password="wrong"),
                "the token": form(locked.port, username="anyone", password=TOKEN),
                **{board: form(port) for board, port in ports.items()},
            }
            well = [check(version, forms) for version in sys.argv[1:] or home_assistant.VERSIONS]
        finally:
            fleet.kill()
            open_one.kill()
            locked.kill()
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
