"""The least that a Flask program can cost: a route with a small JSON.

`bare_flask.py` serves it by the server of pi-stat, `bare_flask.py waitress` by waitress as it comes: the
difference is what the server of pi-stat costs.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import waitress
from flask import Flask, Response, jsonify

app = Flask(__name__)
PORT = int(os.environ["PISTAT_PORT"])


@app.get("/stats")
def stats() -> Response:
    """Return a small JSON, as the documentation of Flask makes it."""
    return jsonify(status="healthy", uptime=12.5)


def do_nothing(*_: object) -> None:
    """Do what pi-stat does beside serving."""


def serve_by_pi_stat() -> None:
    from pistat.server import server  # noqa: PLC0415 - plain waitress is to have nothing of it

    sockets = server.bind("127.0.0.1", PORT)
    server.Server(app, sockets, do_nothing).run(do_nothing, turned=lambda: math.inf, reload=do_nothing)


if __name__ == "__main__":
    if sys.argv[1:] == ["waitress"]:
        waitress.serve(app, host="127.0.0.1", port=PORT)
    else:
        serve_by_pi_stat()
