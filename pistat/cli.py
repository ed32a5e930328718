"""Reads the command line: help, version, and a check of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pistat import __version__
from pistat.routes import ROUTES
from pistat.settings import SETTINGS, Setting, Settings, read_env_file

if TYPE_CHECKING:
    from argparse import Namespace

DESCRIPTION = "Show over HTTP how this machine is doing, as a page and as JSON. Runs until Ctrl+C or SIGTERM."
SETTINGS_HELP = (
    "Settings come from the environment and from {}; the environment wins. Exit status 78: a setting is not "
    "accepted; 1: the port is in use; 2: an argument is not known."
)


def parse(arguments: Sequence[str], env_file: Path) -> Namespace:
    """Return the arguments; help, version and mistakes end the process, the last with status 2."""
    # Only who gives arguments needs it; the daemon would hold half a megabyte of it for ever.
    from argparse import ArgumentParser  # noqa: PLC0415

    parser = ArgumentParser(
        "pi-stat",
        description=DESCRIPTION,
        epilog=SETTINGS_HELP.format(env_file),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pi-stat {__version__}")
    parser.add_argument(
        "--check", action="store_true", help="check the settings, print what would be served, and exit"
    )
    parser.add_argument(
        "--notify-test", action="store_true", help="send a test message to PISTAT_NOTIFY, and exit"
    )
    parser.add_argument(
        "--mqtt-forget",
        action="store_true",
        help="remove this machine from the broker of PISTAT_MQTT_URL, and exit",
    )
    return parser.parse_args(arguments)


def report(settings: Settings, environment: Mapping[str, str], env_file: Path) -> str:
    """Return what would be served with `settings`, and where each comes from; a secret is not shown."""
    sources = [("environment", environment), (str(env_file), read_env_file(env_file))]
    routes = [f"  {route.path:<22}{route.summary}" for route in ROUTES]
    where = f"host {settings.host}, port {settings.port}"
    return "\n".join(
        [
            f"pi-stat {__version__} would listen on {where}, and serve",
            *routes,
            "with these settings:",
            *(f"  {_line(setting, sources)}" for setting in SETTINGS),
        ]
    )


def _line(declared: Setting, sources: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    for source, values in sources:
        if declared.name in values:
            text = values[declared.name]
            shown = "(not shown)" if declared.secret and text else text
            return f"{declared.name}={shown}  ({source})"
    return f"{declared.name}={declared.default}  (default)"
