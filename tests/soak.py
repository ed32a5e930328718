"""Everything at once, for as long as you like: the daemon must stay right, and must stay the same size.

    .venv/bin/python tests/soak.py --seconds 600

Needs root and Linux. All of it happens in namespaces of its own (mounts, network, processes), and the daemon
is in them: a dead filesystem, filesystems and interfaces that come and go, processes that are born and die by
the hundred a second, zombies, PIDs that are used again, owners without a name, clients that reset, drip and
ask nonsense. Beside them ordinary clients ask every route and look closely at each answer. Prints a line of
figures every few seconds and a verdict; the exit status is 0 when there was nothing to complain of.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from daemon import Daemon
from deadmount import DeadMount
from shape import mismatches

from pistat import routes

NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
NOBODY_KNOWS = 54_321
"""A user ID without a name."""

GOOD = {
    "/stats": routes.STATS,
    "/stats?cache=false": routes.STATS,
    "/processes?limit=10000": routes.PROCESSES,
    "/processes?sort=memory": routes.PROCESSES,
    "/network/interfaces": routes.INTERFACES,
    "/storage/devices": routes.DEVICES,
    "/health": routes.HEALTH,
}
BAD = {
    "/stats?fields=uptme": 400,
    "/stats?block=perhaps": 400,
    "/processes?limit=" + "9" * 5000: 400,
    "/processes?sort=%00%1b%5b2J": 400,
    "/nothing/here": 404,
    "/stats/": 404,
}

WARM = 1 / 3
"""The part of a run in which a daemon may still grow: threads begin, tables reach their size."""

GROWTH = {"rss": 1.5e6, "descriptors": 6, "threads": 4, "children": 0}
"""How much the least of the last third may lie above that of the middle one: noise, not growth."""


class Sizes(NamedTuple):
    """What the daemon takes: resident bytes, descriptors, threads, children."""

    rss: int
    descriptors: int
    threads: int
    children: int


def sizes(pid: int) -> Sizes:
    """The sizes of a process now."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    children = sum(len(each.read_text().split()) for each in process.glob("task/*/children"))
    return Sizes(
        int(status["VmRSS"].split()[0]) * 1024,
        len(list((process / "fd").iterdir())),
        int(status["Threads"]),
        children,
    )


class Soak:
    """A run: the daemon, its troubles and its clients, each in a thread, and what was complained of."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self.daemon = daemon
        self.folder = folder
        self.over = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.complaints: Counter[str] = Counter()
        self._threads: list[threading.Thread] = []

    def begin(self, *works: Callable[[], None]) -> None:
        """Do each of `works` again and again until the run is over."""
        for work in works:
            thread = threading.Thread(target=self._repeat, args=(work,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """End the run; every work is finished once more."""
        self.over.set()
        for each in self._threads:
            each.join(30)

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self.over.is_set():
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a trouble that cannot be made is a complaint, too
                self.complaints[f"{work.__name__}: {error!r:.300}"] += 1
                self.over.wait(0.5)

    # Clients

    def ask_all(self) -> None:
        """Ask every route, and look at each answer."""
        for target, route in GOOD.items():
            answer = self.daemon.get(target)
            self.statuses[answer.status] += 1
            for wrong in self._wrong(answer.status, answer.body, route):
                self.complaints[f"{target}: {wrong:.300}"] += 1

    def _wrong(self, status: int, body: bytes, route: routes.Route) -> list[str]:
        if status != 200:
            return [f"{status} {body!r}"]
        answer: dict[str, Any] = json.loads(body)
        errors = [f"errors {answer['errors']}"] if "errors" in answer else []
        return errors + mismatches(answer, route.fields)

    def ask_nonsense(self) -> None:
        """Ask what is to be refused, politely and in one line each."""
        for target, expected in BAD.items():
            answer = self.daemon.get(target)
            self.statuses[answer.status] += 1
            if answer.status != expected or set(answer.json()) != {"error", "message"}:
                self.complaints[f"{target:.40}: {answer.status} {answer.body!r:.200}"] += 1
        self.over.wait(0.05)

    def reset(self) -> None:
        """Ask, and hang up with a reset before the answer."""
        with self._connection() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /processes?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.over.wait(0.02)

    def drip(self) -> None:
        """Send a request letter by letter, and give up in the middle of it."""
        with self._connection() as client, contextlib.suppress(OSError):
            for letter in b"GET /stats HTTP/1.1\r\nX-Slow: very":
                client.sendall(bytes([letter]))
                if self.over.wait(0.1):
                    return

    def _connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10)

    # Troubles

    def births(self) -> None:
        """Some hundred processes a second, of root and of a user without a name; all reaped."""
        children = [
            subprocess.Popen(["/bin/true"], user=user) for user in (None, None, None, NOBODY_KNOWS) * 5
        ]
        for each in children:
            each.wait()

    def zombies(self) -> None:
        """Ten that have ended, and whose end nobody has looked at for a while."""
        children = [subprocess.Popen(["/bin/true"]) for _ in range(10)]
        self.over.wait(0.5)
        for each in children:
            each.wait()

    def same_pids(self) -> None:
        """Begin again with PIDs that were used a moment ago."""
        Path("/proc/sys/kernel/ns_last_pid").write_text("2000")
        self.over.wait(0.05)

    def interfaces(self) -> None:
        """A pair of interfaces that comes, gets an address, and goes."""
        ip("link add soak0 type veth peer name soak1", "addr add 198.51.100.7/24 dev soak0")
        ip("link set soak0 up", "link del soak0")

    def filesystems(self) -> None:
        """A filesystem that comes, is alive, and goes."""
        mount = DeadMount(self.folder / "comes and goes")
        mount.revive()
        self.over.wait(0.1)
        mount.unmount()
        self.over.wait(0.1)

    # Figures

    def watch(self, seconds: float, every: float) -> list[Sizes]:
        """Print the sizes of the daemon as a table, line by line, for so long; and return them all."""
        print("seconds   rss MB  descriptors  threads  children  answers by status")
        found = []
        began = time.monotonic()
        for turn in itertools.count(1):
            now = sizes(self.daemon.pid)
            found.append(now)
            if (turn - 1) % max(1, round(every)) == 0:
                print(
                    f"{time.monotonic() - began:7.0f} {now.rss / 1e6:8.2f} {now.descriptors:12} "
                    f"{now.threads:8} {now.children:9}  {dict(self.statuses)}",
                    flush=True,
                )
            if time.monotonic() - began >= seconds:
                return found
            time.sleep(1.0)
        raise AssertionError


def ip(*commands: str) -> None:
    """Run commands of iproute2's `ip`."""
    for each in commands:
        subprocess.run(["ip", *each.split()], check=True)


def growth(found: list[Sizes]) -> Iterator[str]:
    """What grew from the middle third of a run to its last one, at the moments when there was least of it."""
    third = round(len(found) * WARM)
    for name, most in GROWTH.items():
        middle, last = (
            min(getattr(each, name) for each in part)
            for part in (found[third : 2 * third], found[2 * third :])
        )
        if last - middle > most:
            yield f"{name} grew from {middle:.0f} to {last:.0f}"


def run(seconds: float, every: float, folder: Path) -> int:
    """The whole run, within the namespaces. Returns the exit status."""
    # /sys shows the interfaces of the network in which it was mounted.
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
    ip("link set lo up", "link add stay0 type veth peer name stay1", "addr add 192.0.2.7/24 dev stay0")
    daemon = Daemon({"PISTAT_RATE_LIMIT_ENABLED": "no"})
    daemon.wait_until_ready()
    soak = Soak(daemon, folder)
    dead = DeadMount(folder / "dead")
    soak.begin(soak.ask_all, soak.ask_all, soak.ask_nonsense, soak.reset, soak.drip, soak.drip)
    soak.begin(soak.births, soak.births, soak.zombies, soak.same_pids, soak.interfaces, soak.filesystems)
    found = soak.watch(seconds, every)
    soak.end()
    complaints = [f"{count} x {text}" for text, count in soak.complaints.items()] + list(growth(found))
    complaints += [] if daemon.stop() == 0 else ["it did not end well"]
    log = daemon.log()
    complaints += [f"in the log: {line}" for line in daemon.faults()]
    if log.count("\n") > 10 + seconds / 6:
        complaints.append(f"{log.count(chr(10))} lines in the log: {log[-2000:]}")
    dead.unmount()
    for each in complaints:
        print(each)
    print("Nothing to complain of." if not complaints else f"{len(complaints)} complaints.")
    return 1 if complaints else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="how long (default 600)")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two lines (default 10)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not chosen.inside:
        os.execvp(NAMESPACES[0], [*NAMESPACES, sys.executable, __file__, "--inside", *sys.argv[1:]])
    with tempfile.TemporaryDirectory() as folder:
        return run(chosen.seconds, chosen.every, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
