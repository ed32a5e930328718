"""The least that a Flask program can cost: a route with a small JSON, under the same server."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask import Flask, Response, jsonify

from pistat.server import server

app = Flask(__name__)


@app.get("/stats")
def stats() -> Response:
    """A small JSON, as the documentation of Flask makes it."""
    return jsonify(status="healthy", uptime=12.5)


def nothing(*_: object) -> None:
    """What our server shall do beside serving."""


if __name__ == "__main__":
    sockets = server.bind("127.0.0.1", int(os.environ["PISTAT_PORT"]))
    server.Server(app, sockets, nothing).run(nothing, turned=lambda: math.inf, reload=nothing)
