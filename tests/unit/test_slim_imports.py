"""What is left out of the daemon's process to save memory."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat import routes, slim_imports
from support.daemon import PROGRAM, Daemon, clean_environment

if TYPE_CHECKING:
    from support.require import Require


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=PROGRAM.parent,
        env=clean_environment({"PISTAT_PORT": "none, so that it ends when all is imported"}),
        capture_output=True,
        text=True,
        timeout=60,
    )


def run(code: str) -> None:
    """Run a program that must not fail."""
    finished = python("-c", code)
    assert finished.returncode == 0, finished.stderr


def test_halves_of_libraries_that_nobody_uses_are_not_loaded() -> None:
    """A daemon that was asked for everything has loaded nothing of what is left out, nor what that loads."""
    daemon = Daemon(command=[sys.executable, "-X", "importtime", str(PROGRAM)])
    try:
        daemon.wait_until_ready()
        for path in routes.PATHS:
            daemon.get(path)
        log = daemon.log().splitlines()
    finally:
        daemon.kill()
    loaded = {line.rpartition("|")[2].strip() for line in log if line.startswith("import time:")}
    brought = {"asyncio", "wrapt", "http.server", "html", "pickle", "zipfile", "typing_extensions"}

    assert {"flask_limiter", "pistat.formats.top"} <= loaded
    assert loaded & {*slim_imports.UNUSED, *brought} == set()


def test_openssl_is_not_loaded(shared: Daemon, require: Require) -> None:
    """The daemon holds no OpenSSL in its memory."""
    require(sys.platform == "linux", "/proc", installed=False)
    require(find_spec("_md5") is not None, "a Python with hashes of its own", installed=False)
    files = Path(f"/proc/{shared.pid}/maps").read_text()

    assert "libc.so" in files
    assert not re.search(r"libcrypto|libssl", files)


def test_importing_the_module_leaves_nothing_out() -> None:
    """A process that only imports the application keeps all of its modules."""
    finished = python(
        "-c", "import pi_system_monitor, ssl, limits.aio.storage, deprecated.sphinx; ssl.SSLContext"
    )

    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    "use",
    [
        "limits.aio.storage",
        "deprecated.classic",
        "flask.app.cli.main()",
        "flask.app.is_running_from_reloader()",
    ],
)
def test_what_is_left_out_says_so(use: str) -> None:
    """Using what was left out fails, and the failure names the culprit."""
    room = "pistat.slim_imports"
    code = f"import {room}; {room}.block(); import limits, deprecated, flask; {use}"

    assert re.search(r"AttributeError: .* is left out by pistat/slim_imports.py", python("-c", code).stderr)


def test_openssl_that_is_left_out_cannot_be_imported() -> None:
    """An import of ssl fails instead of giving something that does not encrypt."""
    code = "import pistat.slim_imports; pistat.slim_imports.block(); import ssl"

    assert "ModuleNotFoundError: import of ssl halted" in python("-c", code).stderr


def test_a_library_that_needs_more_gets_all_of_it() -> None:
    """A flask-limiter that cannot do without what is left out is imported with it."""
    code = (
        "import sys; from pistat import slim_imports\n"
        "slim_imports._stubs = lambda: {'limits.storage': slim_imports.StubModule('limits.storage')}\n"
        "slim_imports.block()\n"
        "slim_imports.import_libraries()\n"
        "import ssl, pi_system_monitor, limits.storage\n"
        "limits.storage.MemoryStorage()\n"
    )
    run(code)


def test_whoever_needs_what_is_left_out_later_gets_it() -> None:
    """Once the libraries are there, all but OpenSSL and the compressions can be imported as ever."""
    code = (
        "import sys; from pistat import slim_imports\n"
        "slim_imports.block()\n"
        "slim_imports.import_libraries()\n"
        "import decimal, typing_extensions, click, pi_system_monitor, werkzeug.test\n"
        "assert decimal.Decimal(1) and typing_extensions.__file__ and click.Group and werkzeug.test.Client\n"
        "absent = [name for name, module in sys.modules.items() if not module]\n"
        "assert absent == list(slim_imports._blocked())\n"
    )
    run(code)


def test_what_is_left_out_for_a_moment_is_there_afterwards() -> None:
    """A module that another only seems to need is not loaded, and can be imported later."""
    code = (
        "import sys; from pistat import slim_imports\n"
        "with slim_imports.without({'urllib.request': {}}): import paho.mqtt.client\n"
        "assert 'urllib.request' not in sys.modules\n"
        "import urllib.request\n"
        "with slim_imports.without({'urllib.request': {}}): assert urllib.request.urlopen\n"
        "import urllib.request; urllib.request.urlopen"
    )
    run(code)


def test_openssl_is_let_in_without_the_names_of_its_errors() -> None:
    """TLS works once it is allowed, and an error has its type, but not its name up to Python 3.11."""
    code = (
        "from pistat import slim_imports\n"
        "slim_imports.block()\n"
        "slim_imports.allow_tls()\n"
        "import ssl, _ssl\n"
        "assert not getattr(_ssl, 'err_codes_to_names', None)\n"
        "assert not getattr(_ssl, 'err_names_to_codes', None)\n"
        "taken = ssl.MemoryBIO()\n"
        "taken.write(b'no TLS at all')\n"
        "tls = ssl.create_default_context().wrap_bio(taken, ssl.MemoryBIO(), server_hostname='a')\n"
        "try: tls.do_handshake()\n"
        "except ssl.SSLError as error: assert error.library == 'SSL'\n"
        "else: raise SystemExit('it has shaken hands with nobody')\n"
    )
    run(code)


def test_mqtt_5_is_not_loaded() -> None:
    """What paho-mqtt has for it is left out, and a client is made all the same."""
    code = (
        "import sys\n"
        "from pistat.outbound import broker\n"
        "assert broker._client('a').on_connect is None\n"
        "assert not sys.modules.keys() & broker.UNUSED.keys()\n"
    )
    run(code)


def test_marks_of_the_documentation_leave_a_function_as_it_is() -> None:
    """The stand-in for the decorators returns what it decorates."""
    marks = slim_imports._stubs()["deprecated.sphinx"]

    assert marks.versionadded(version="1.0")(len) is len


def test_missing_libraries_are_named_with_what_to_run() -> None:
    """Without the packages, the start is one line: what is missing, and the command of the README."""
    found = python("-S", str(PROGRAM))

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        "pi-stat: not installed for this Python: dotenv, flask, flask_limiter, psutil, waitress. "
        f"To install and run: {slim_imports.RUN}\n"
    )
    assert f"\n{slim_imports.RUN}\n" in (PROGRAM.parent / "README.md").read_text(encoding="utf-8")


def test_libraries_are_those_of_the_requirements() -> None:
    """What is looked for is what requirements.txt installs, but for what Flask brings or is wanted later."""
    lines = (PROGRAM.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = {line.split(">=")[0] for line in lines if not line.startswith("#")} - {
        "jinja2",
        "werkzeug",
        "jeepney",
        "paho-mqtt",
    }

    names = {name.removeprefix("python-").replace("-", "_") for name in packages}
    assert names == set(slim_imports.LIBRARIES)
