"""Measure the resident memory on 32-bit Arm, with qemu-user; ROOT and SITE are those of arm_instructions.py.

The emulator keeps all memory of the program within 4 GiB, which `-B` puts at a known place: what the kernel
counts there is the program's, and the rest is the emulator's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from arm_instructions import arguments, connected
from measure import MIXED
from programs import free_port, pi_stat

BASE = 1 << 32
REQUESTS = 700


def main() -> None:
    """Start the daemon under qemu with the unit's environment, and print MiB before and after requests."""
    chosen = arguments((__doc__ or "").splitlines()[0])
    port = free_port()
    settings = {
        "PYTHONPATH": str(chosen.site.resolve()),
        "PISTAT_PORT": str(port),
        "PISTAT_HOST": "127.0.0.1",
        "PISTAT_CACHE_SECONDS": "0",
        "PISTAT_RATE_LIMIT_ENABLED": "false",
    }
    # For the program alone, not for the emulator.
    daemon = pi_stat("pi-stat")
    own = [part for name, value in daemon.environment.items() for part in ("-E", f"{name}={value}")]
    python = next((chosen.root / "usr/bin").glob("python3.[0-9]*"))
    emulator = [chosen.qemu, "-B", hex(BASE), "-L", str(chosen.root), *own, str(python)]
    emulated = subprocess.Popen([*emulator, daemon.command[-1]], env={**os.environ, **settings})
    try:
        client = connected(port)
        time.sleep(3.0)
        print(f"start: {resident(emulated.pid):.1f} MiB")
        for number in range(REQUESTS):
            client.ask(MIXED[number % len(MIXED)])
        print(f"after {REQUESTS} requests: {resident(emulated.pid):.1f} MiB")
    finally:
        emulated.kill()


def resident(pid: int) -> float:
    """Return the resident MiB of the program that an emulator runs."""
    found, inside = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            inside = BASE <= int(first.partition("-")[0], 16) < 2 * BASE
        elif inside and first == "Rss:":
            found += int(rest[0])
    return found / 1024


if __name__ == "__main__":
    main()
