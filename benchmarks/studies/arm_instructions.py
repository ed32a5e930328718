r"""Count the instructions in user space that a request takes on 32-bit Arm, with qemu-user.

    mmdebstrap --variant=extract --architectures=armhf --include=libc-bin,python3,python3-psutil bookworm ROOT
    pip install --target SITE --only-binary=:all: --implementation cp --python-version 3.11 \
        --platform manylinux2014_armv7l flask flask-limiter jeepney paho-mqtt python-dotenv waitress
    python benchmarks/studies/arm_instructions.py ROOT SITE

It needs gcc, and qemu-arm of the package qemu-user: that of qemu-user-static takes no plugins. What the
kernel does for a request is not counted; it is a quarter of the CPU time on the machine of RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from client import Client
from programs import free_port

ROUTES = (
    "/health",
    "/stats",
    "/stats?cache=false",
    "/processes?limit=10",
    "/metrics",
    "/diagnosis",
    "/top",
    "/api/4/all",
)
TIMES = 20


def arguments(description: str) -> argparse.Namespace:
    """Return what the command line chooses: `root`, `site` and `qemu`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("root", type=Path, help="a Debian of armhf")
    parser.add_argument("site", type=Path, help="where its Python finds the packages")
    parser.add_argument("--qemu", default="qemu-arm", help="the emulator (default qemu-arm)")
    return parser.parse_args()


def main() -> None:
    """Start the daemon under qemu, ask it, and print millions of instructions for each request."""
    chosen = arguments((__doc__ or "").splitlines()[0])
    with tempfile.TemporaryDirectory() as folder:
        plugin, counter = Path(folder) / "instructions.so", Path(folder) / "count"
        source = HERE / "instructions.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(plugin), str(source)], check=True)
        port = free_port()
        environment = {
            **os.environ,
            "INSTRUCTIONS": str(counter),
            "PYTHONPATH": str(chosen.site.resolve()),
            "PISTAT_PORT": str(port),
            "PISTAT_HOST": "127.0.0.1",
            "PISTAT_CACHE_SECONDS": "60",
            "PISTAT_RATE_LIMIT_REQUESTS": "100000",
        }
        python = next((chosen.root / "usr/bin").glob("python3.[0-9]*"))
        emulator = [chosen.qemu, "-L", str(chosen.root), "-plugin", str(plugin), str(python)]
        daemon = subprocess.Popen([*emulator, str(HERE.parents[1] / "pi_system_monitor.py")], env=environment)
        try:
            _report(port, counter)
        finally:
            daemon.kill()


def _report(port: int, counter: Path) -> None:
    connected(port)
    print(f"start: {_count(counter) / 1e6:.0f} million")
    began = _count(counter)
    time.sleep(60.0)
    idle = (_count(counter) - began) / 60.0
    client = connected(port)  # the other has been idle for too long
    print(f"idle: {idle / 1e6:.2f} million a second")
    for route in ROUTES:
        client.ask(route)
        before, since = _count(counter), time.monotonic()
        for _ in range(TIMES):
            client.ask(route)
        spent = _count(counter) - before - idle * (time.monotonic() - since)
        print(f"{route}: {spent / TIMES / 1e6:.2f} million", flush=True)


def connected(port: int) -> Client:
    """Return a connection to the daemon as soon as it answers."""
    until = time.monotonic() + 300.0
    while True:
        client = Client(port)
        try:
            client.ask("/stats")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return client


def _count(counter: Path) -> int:
    number: int = struct.unpack("Q", counter.read_bytes())[0]
    return number


if __name__ == "__main__":
    main()
