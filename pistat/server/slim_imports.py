"""Checks that the libraries are installed, and leaves out what they import and this program never uses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

LIBRARIES = ("dotenv", "flask", "flask_limiter", "psutil", "waitress")
"""What requirements.txt installs, by the names of the modules."""

RUN = (
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt"
    " && .venv/bin/python pi_system_monitor.py"
)
"""The command of the README that installs them and runs the program."""


class LeftOut(ModuleType):
    """Stands for a module; says so to whoever uses it after all."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__name__}.{name}: {self.__name__} is left out by pistat/server/slim_imports.py"
        )


def require() -> None:
    """End the process with one line that says what to do if Python is too old or a library is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036 - that is what the owner is told
        sys.exit(f"pi-stat: this is Python {sys.version.split()[0]}; expected 3.11 or newer.")
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        sys.exit(f"pi-stat: not installed for this Python: {', '.join(missing)}. To install and run: {RUN}")


def block() -> None:
    """Leave out OpenSSL and asyncio: a fifth of the memory. To be called before anything that imports them.

    For the program only: in a process of other people's, what is left out would be theirs to decide.
    """
    sys.modules.update(_stand_ins())  # type: ignore[arg-type] # that None prevents an import is documented


def import_libraries() -> None:
    """Import flask-limiter, and with it flask, without what is left out; with it, if they do need it."""
    try:
        import flask_limiter  # noqa: F401, PLC0415
    except (ImportError, AttributeError):
        # A version that uses more of them than those we know: it shall have them.
        for name in _stand_ins():
            del sys.modules[name]


def _stand_ins() -> dict[str, ModuleType | None]:
    return {**_optional(), **_asyncio()}


def _optional() -> dict[str, None]:
    """What Python itself can be built without, and whoever imports it can do without: None makes that fail.

    No TLS is spoken here, and nothing is packed. The hashes are Python's own, unless it is built without.
    """
    hashes = ("ssl", "_hashlib") if find_spec("_md5") else ()
    return dict.fromkeys((*hashes, "bz2", "lzma"))


def _asyncio() -> dict[str, ModuleType]:
    """The half of limits that is for asyncio, and a decorator for documentation that brings all of wrapt."""
    marks = LeftOut("deprecated.sphinx")
    marks.versionadded = marks.versionchanged = marks.deprecated = _unmarked  # type: ignore[attr-defined]
    return {
        "limits.aio": LeftOut("limits.aio"),
        "deprecated": LeftOut("deprecated"),
        "deprecated.sphinx": marks,
    }


def _unmarked(*_: object, **__: object) -> Callable[[T], T]:
    return lambda function: function
