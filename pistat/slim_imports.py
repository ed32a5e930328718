"""Check that the libraries are installed, and keep out what they import and this program never uses."""

from __future__ import annotations

import gc
import os
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

LIBRARIES = ("dotenv", "flask", "flask_limiter", "psutil", "waitress")
"""What requirements.txt installs, by the names of the modules."""

RUN = (
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt"
    " && .venv/bin/python pi_system_monitor.py"
)
"""The command of the README that installs them and runs the program."""

UNUSED = {
    # The server for development and the client for tests: http.server, html, most of email.
    "werkzeug.serving": ("run_simple", "is_running_from_reloader"),
    "werkzeug.test": ("Client",),
    # The command line of Flask: importlib.metadata, zipfile, gettext.
    "click": (),
    "flask.cli": (),
    # Cookies that are signed, which take a SECRET_KEY.
    "itsdangerous": ("BadSignature", "URLSafeTimedSerializer"),
    # Numbers that Flask writes as JSON; our JSON is made without it.
    "decimal": (),
    # Forms and files that a client sends, and files that are sent.
    "werkzeug.formparser": ("FormDataParser", "default_stream_factory"),
    "mimetypes": (),
    # Routes with a UUID, how all routes are printed, and packages that are looked through for more.
    "uuid": ("UUID",),
    "pprint": ("pformat",),
    "pkgutil": (),
    # Compiled templates in files: pickle.
    "jinja2.bccache": ("BytecodeCache", "FileSystemBytecodeCache", "MemcachedBytecodeCache"),
    # Counters of requests with asyncio or in databases, and how these are recognised.
    "limits.aio": (),
    "limits.storage.memcached": ("MemcachedStorage",),
    "limits.storage.mongodb": ("MongoDBStorage", "MongoDBStorageBase"),
    "limits.storage.redis": ("RedisStorage",),
    "limits.storage.redis_cluster": ("RedisClusterStorage",),
    "limits.storage.redis_sentinel": ("RedisSentinelStorage",),
    "importlib.resources": (),
    "packaging.version": ("Version",),
    # Decorators for documentation: wrapt.
    "deprecated": (),
    "deprecated.sphinx": (),
}
"""What the libraries import and this program never uses, each with the names that are imported from it."""


class StubModule(ModuleType):
    """Stand in for a module, and say so to whoever uses it."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self.__name__}.{name}: {self.__name__} is left out by pistat/slim_imports.py")


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
    """Keep out OpenSSL and what is unused, a third of the memory. Call it before anything that imports them.

    Only the program calls it: in other people's processes this is theirs to decide.
    """
    # That None prevents an import is documented.
    sys.modules.update(dict.fromkeys(_blocked()))  # type: ignore[arg-type]
    sys.modules.update(_stubs())


def import_libraries() -> None:
    """Import flask-limiter, and with it flask, without what is unused; with it, if they need it."""
    try:
        import flask_limiter  # noqa: F401, PLC0415
    except (ImportError, AttributeError):
        # A version that uses more of it than those we know.
        for name in _blocked():
            del sys.modules[name]
    finally:
        # Whoever really needs one later gets it.
        for name in _stubs():
            del sys.modules[name]
        # Functions that only type checkers read.
        typing.clear_overloads()


@contextmanager
def without(unused: Mapping[str, Mapping[str, object]]) -> Iterator[None]:
    """Keep modules out that are not there yet, while one is imported that only seems to need them.

    Args:
        unused: By the names of the modules, what takes the places of the names that are imported from each.
    """
    absent = [name for name in unused if name not in sys.modules]
    for name in absent:
        sys.modules[name] = StubModule(name)
        vars(sys.modules[name]).update(unused[name])
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def allow_tls() -> None:
    """Let OpenSSL in after all, since a setting names a target that is reached over TLS.

    It takes 1.1 MiB, and up to 4 of its libraries that programs share.
    """
    if sys.modules.get("ssl", ...) is None:
        del sys.modules["ssl"]
        with suppress(ImportError):
            import _ssl  # noqa: PLC0415

            # Up to Python 3.11 it shows its tables of the names of all errors; none is in a text of ours.
            for table in ("err_codes_to_names", "err_names_to_codes"):
                getattr(_ssl, table, {}).clear()
            # Python keeps the room of pairs for other pairs until a whole collection.
            gc.collect()


def _blocked() -> tuple[str, ...]:
    """Return what cannot be imported at all, which importers expect.

    Python can be built without the compressions and without TLS; its own hashes serve where it has them.
    """
    return ("bz2", "lzma", *(("ssl", "_hashlib") if find_spec("_md5") else ()))


def _stubs() -> dict[str, ModuleType]:
    """Return what takes the places of modules while the libraries are imported."""
    found: dict[str, ModuleType] = {}
    for module, names in UNUSED.items():
        found[module] = StubModule(module)
        vars(found[module]).update({name: _stub(f"{module}.{name}") for name in names})
    # What each application has, and each of its parts.
    vars(found["flask.cli"])["AppGroup"] = lambda: SimpleNamespace(name="", commands={})
    vars(found["deprecated.sphinx"]).update(
        dict.fromkeys(("versionadded", "versionchanged", "deprecated"), _unmarked)
    )
    # All that is asked of it is in Python since 3.11.
    return {**found, "typing_extensions": typing}


def _stub(name: str) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise AttributeError(f"{name} is left out by pistat/slim_imports.py")

    return fail


def _unmarked(*_: object, **__: object) -> Callable[[T], T]:
    return lambda function: function
