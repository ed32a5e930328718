"""The look-up of known vulnerabilities in what is vendored, against a PyPI of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PINS = [row.split(" ")[0] for row in (ROOT / "packaging/vendor.txt").read_text().splitlines() if "==" in row]


@contextmanager
def pypi(known: dict[str, Any]) -> Iterator[str]:
    """The address of an index that knows these advisories, by the name of a library."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = known.get(self.path.split("/")[2])
            self.send_response(200 if found is not None else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"vulnerabilities": found}).encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def audit(address: str) -> tuple[int, str]:
    """Its exit status, and what it prints."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "packaging/audit")],
        env={**os.environ, "PYPI_URL": address, "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return found.returncode, found.stdout


NOTHING: dict[str, Any] = {pin.partition("==")[0]: [] for pin in PINS}
ADVISORY = {"id": "PYSEC-2027-1", "fixed_in": ["9.9.9"], "withdrawn": None}


def test_nothing_is_known() -> None:
    """Each library is looked up, and the number is shown."""
    with pypi(NOTHING) as address:
        status, said = audit(address)

    assert status == 0
    assert said == f"{len(PINS)} of {len(PINS)} vendored libraries were looked up, 0 advisories\n"


def test_a_vulnerability() -> None:
    """It names library, advisory and the version with the fix, and fails; a withdrawn one does not count."""
    withdrawn = ADVISORY | {"id": "PYSEC-2027-2", "withdrawn": "2027-01-02T03:04:05Z"}
    with pypi(NOTHING | {"flask": [ADVISORY, withdrawn]}) as address:
        status, said = audit(address)

    pin = next(each for each in PINS if each.startswith("flask==")).replace("==", " ")
    assert status == 1
    assert said.startswith(f"{pin}: PYSEC-2027-1, fixed in 9.9.9\n")
    assert "PYSEC-2027-2" not in said


def test_nobody_can_be_asked() -> None:
    """It does not fail for that, and does not say that all is well either."""
    with pypi({}) as address:
        partly = audit(address)
    status, said = audit(address)

    assert (partly[0], status) == (0, 0)
    assert f"{len(PINS)} could not be looked up: HTTP Error 404" in partly[1]
    assert f"{len(PINS)} could not be looked up: " in said
    assert "0 of " in said
