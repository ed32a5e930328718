#!/usr/bin/python3
"""Compare pi-stat with plain waitress on an emulated Pi 2 or Pi 3; the first process of that machine.

ROOT and SITE are those of arm_instructions.py; KERNEL is what a package linux-image of Debian unpacks to, for
armhf (Pi 2) or arm64 (Pi 3, which runs the same 32-bit programs):

    mkdir ROOT/site ROOT/app && cp -r SITE/. ROOT/site
    cp -r pistat templates benchmarks pi_system_monitor.py pi-stat.service ROOT/app
    cp benchmarks/studies/emulated_pi.py ROOT/init
    (cd ROOT && find . | cpio -o -H newc | gzip -1) >initrd.gz
    qemu-system-arm -M raspi2b -m 1G -nographic -no-reboot -kernel KERNEL/boot/vmlinuz-* \
        -dtb KERNEL/usr/lib/linux-image-*/bcm2836-rpi-2-b.dtb -initrd initrd.gz \
        -append "earlycon=pl011,mmio32,0x3f201000 console=ttyAMA0 rdinit=/init"

For a Pi 3 it is qemu-system-aarch64, raspi3b, broadcom/bcm2837-rpi-3-b.dtb and console=ttyAMA1. The emulator
does not run at the speed of a Pi: what counts are the ratios, the kernel's share, and the memory.
"""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

APP = Path("/app")
TURNS, TIMES = 5, 10
PATHS = ("/stats", "/stats?cache=false", "/metrics", "/diagnosis", "/api/4/all")
POWER_OFF = 0x4321FEDC


def main() -> None:
    """Prepare the machine, start both, print the least CPU time of each request, and switch it off."""
    libc = ctypes.CDLL(None)
    for kind, where in ((b"proc", b"/proc"), (b"sysfs", b"/sys"), (b"devtmpfs", b"/dev")):
        libc.mount(kind, where, kind, 0, None)
    with socket.socket() as any_socket:  # the loopback up, by SIOCSIFFLAGS
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14s", b"lo", 1, b""))
    sys.path.insert(0, str(APP / "benchmarks"))
    ours = Program(8585, "pi_system_monitor.py")
    theirs = Program(8586, "benchmarks/bare_flask.py", "waitress")
    least = {(ours, path): 1e9 for path in PATHS} | {(theirs, "/stats"): 1e9}
    for _ in range(TURNS):
        for (program, path), before in least.items():
            program.connect()
            program.ask(path)
            least[program, path] = min(before, *(program.ask(path) for _ in range(TIMES)))
    for (program, path), seconds in least.items():
        print(f"{program.name} {path}: {1e3 * seconds:.1f} ms", flush=True)
    fields = Path(f"/proc/{ours.pid}/stat").read_text().rpartition(") ")[2].split()
    print(f"ticks of pi-stat in user space {fields[11]}, in the kernel {fields[12]}")
    from measure import MIXED  # noqa: PLC0415 - a folder of this machine

    ours.connect()
    for path in MIXED * 3:
        ours.ask(path)
    print(Path(f"/proc/{ours.pid}/smaps_rollup").read_text().splitlines()[1], flush=True)
    libc.reboot(POWER_OFF)


class Program:
    """A server with the unit's environment, and a connection to it."""

    def __init__(self, port: int, *command: str) -> None:
        """Start it, and wait until it answers."""
        unit = (APP / "pi-stat.service").read_text().splitlines()
        lines = [line.removeprefix("Environment=") for line in unit if line.startswith("Environment=")]
        environment = dict(line.split("=", 1) for line in lines) | {
            "PATH": "/usr/bin",
            "PYTHONPATH": "/site",
            "PISTAT_PORT": str(port),
            "PISTAT_HOST": "127.0.0.1",
            "PISTAT_RATE_LIMIT_REQUESTS": "100000",
            "PISTAT_CACHE_SECONDS": "60",
        }
        self.name, self.port = command[-1], port
        self.pid = subprocess.Popen(["/usr/bin/python3", *command], env=environment, cwd=APP).pid
        while True:
            try:
                self.connect()
                self.ask("/stats")
                break
            except OSError:
                time.sleep(0.1)
        print(f"{self.name}: start {self.spent():.1f} s", flush=True)

    def connect(self) -> None:
        """Make a connection, since one that rests too long is closed."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600.0)

    def spent(self) -> float:
        """Return the CPU seconds that it has used."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def ask(self, path: str) -> float:
        """Return the CPU seconds that it takes for a request."""
        before = self.spent()
        self.connection.request("GET", path)
        self.connection.getresponse().read()
        return self.spent() - before


if __name__ == "__main__":
    main()
