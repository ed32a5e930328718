"""Home Assistant from PyPI: each version in an environment that is made once and kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pi-stat-tests"

VERSIONS = ("2025.4.4", "2026.2.3")
"""The oldest and the newest that are tried."""

LIBRARIES = ("glances-api==0.8.0", "paho-mqtt==2.1.0")
"""What Home Assistant installs by itself when an integration is set up."""


def python(version: str) -> Path:
    """The Python of an environment with that version; `PYTHON` names one of 3.13 or newer to make it with.

    Raises:
        subprocess.CalledProcessError: It cannot be installed.
    """
    folder = CACHE / f"home-assistant-{version}"
    if not folder.exists():
        maker = os.environ.get("PYTHON") or shutil.which("python3.13") or "python3"
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="home-assistant-", dir=CACHE))
        try:
            subprocess.run([maker, "-m", "venv", str(unfinished)], check=True)
            # The newest wants the newest patch release of Python 3.13, and runs on the others.
            pip = [
                str(unfinished / "bin/python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--ignore-requires-python",
            ]
            subprocess.run([*pip, f"homeassistant=={version}", *LIBRARIES], check=True)
        except BaseException:
            shutil.rmtree(unfinished)
            raise
        # Its scripts name the folder in which they were made, so what is run is its Python.
        unfinished.rename(folder)
    return folder / "bin/python"
