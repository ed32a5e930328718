"""Check that the libraries are installed, and keep out what they import and this program never uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """Stand in for a module, and say so to whoever uses it."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__name__}.{name}: {self.__name__} is left out by pistat/server/slim_imports.py"
        )


def require() -> None:
    """End the process with one line if Python is too old, or there is no /proc, or a library is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036 - that is what the owner is told
        sys.exit(f"pi-stat: this is Python {sys.version.split()[0]}; expected 3.11 or newer.")
    if sys.platform == "linux" and not os.path.exists("/proc/self/stat"):
        sys.exit("pi-stat: /proc is not mounted, or cannot be read; expected that of the kernel.")
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        sys.exit(f"pi-stat: not installed for this Python: {', '.join(missing)}. To install and run: {RUN}")


def block() -> None:
    """Keep out OpenSSL and asyncio, a fifth of the memory. Call it before anything that imports them.

    Only the program calls it: in other people's processes this is theirs to decide.
    """
    sys.modules.update(_stand_ins())  # type: ignore[arg-type] # that None prevents an import is documented


def import_libraries() -> None:
    """Import flask-limiter, and with it flask, without what is blocked; with it, if they need it."""
    try:
        import flask_limiter  # noqa: F401, PLC0415
    except (ImportError, AttributeError):
        # A version that uses more of it than those we know.
        for name in _stand_ins():
            del sys.modules[name]


@contextmanager
def without(name: str) -> Iterator[None]:
    """Keep a module out, if it is not there yet, while one is imported that only seems to need it."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = LeftOut(name)
    try:
        yield
    finally:
        del sys.modules[name]


def allow_tls() -> None:
    """Let OpenSSL in after all, since a setting names a target that is reached over TLS.

    It takes 1.3 MiB, and 4 of its libraries that programs share.
    """
    if sys.modules.get("ssl", ...) is None:
        del sys.modules["ssl"]


def _stand_ins() -> dict[str, ModuleType | None]:
    """Return what takes the places of modules; None makes an import fail, which importers expect.

    Python can be built without the compressions and without TLS; its own hashes serve where it has them. Of
    limits it is the asyncio half, and of deprecated a decorator for documents, which imports wrapt.
    """
    marks = LeftOut("deprecated.sphinx")
    marks.versionadded = marks.versionchanged = marks.deprecated = _unmarked  # type: ignore[attr-defined]
    hashes = ("ssl", "_hashlib") if find_spec("_md5") else ()
    return {
        **dict.fromkeys((*hashes, "bz2", "lzma")),
        "limits.aio": LeftOut("limits.aio"),
        "deprecated": LeftOut("deprecated"),
        "deprecated.sphinx": marks,
    }


def _unmarked(*_: object, **__: object) -> Callable[[T], T]:
    return lambda function: function
