"""Everything at once, for as long as you like: the daemon must stay right, and must stay the same size.

    .venv/bin/python tests/system/measured/soak.py --seconds 600

Needs root and Linux. All of it happens in namespaces of its own (mounts, network, processes), and the daemon
is in them, with the variables that the unit gives it: a dead filesystem, filesystems and interfaces that come
and go, processes that are born and die by the hundred a second, zombies, PIDs that are used again, owners
without a name, clients that reset, drip and ask nonsense. Beside them ordinary clients ask every route and
look closely at each answer. Twice all of them rest, after a third of the time and at the end, and what the
daemon takes then is compared. Prints a line of figures every few seconds and a verdict; the exit status is 0
when there was nothing to complain of.
"""

from __future__ import annotations

import argparse
import contextlib
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

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pistat import routes
from support.answer_shape import mismatches
from support.daemon import Daemon, unit_environment
from support.dead_mount import DeadMount
from support.programs.mosquitto import MOSQUITTO, Mosquitto
from support.waiting import eventually, lasting_faults

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
    "/sensors": routes.SENSORS,
    "/containers": routes.CONTAINERS,
    "/services": routes.SERVICES,
    "/history?range=24h": routes.HISTORY,
    "/diagnosis": routes.DIAGNOSIS,
    "/events": routes.EVENTS,
    "/capabilities": routes.CAPABILITIES,
    "/monitor.json": routes.MONITOR,
    "/health": routes.HEALTH,
}
OTHERS = ("/", "/docs", "/metrics", "/openapi.json", "/api/4/all", "/api/4/quicklook")
"""What is answered in another form than that of the fields of a route."""

BAD = {
    "/stats?fields=uptme": 400,
    "/stats?block=perhaps": 400,
    "/processes?limit=" + "9" * 5000: 400,
    "/processes?sort=%00%1b%5b2J": 400,
    "/nothing/here": 404,
    "/stats/": 404,
}

WARM = 1 / 3
"""The part of a run in which a daemon may still grow: tables reach their size, files are kept open."""

GROWTH = {"rss": 0.5e6, "descriptors": 2, "threads": 1, "children": 0, "saved": 1.5e6}
"""How much more it may take at the second rest than at the first one: noise, not growth."""

STATE = "state"
"""The folder, below that of the run, in which the daemon keeps what outlasts it."""

STALE = 3.0
"""Seconds after which nothing is answered from the cache."""

RESTED = 30.0
"""Seconds within which a daemon whose clients have gone lets go of what it held for them."""


class Sizes(NamedTuple):
    """What the daemon takes: resident bytes, descriptors, threads, children, bytes that it has saved."""

    rss: int
    descriptors: int
    threads: int
    children: int
    saved: int


def sizes(pid: int, state: Path) -> Sizes:
    """The sizes of a process now, and of the files in its state directory."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    children = sum(len(each.read_text().split()) for each in process.glob("task/*/children"))
    return Sizes(
        int(status["VmRSS"].split()[0]) * 1024,
        len(list((process / "fd").iterdir())),
        int(status["Threads"]),
        children,
        sum(each.stat().st_size for each in state.iterdir()),
    )


class Soak:
    """A run: the daemon, its troubles and its clients, each in a thread, and what was complained of."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self.daemon = daemon
        self.folder = folder
        self.over = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.complaints: Counter[str] = Counter()
        self._began = time.monotonic()

    def work(self, seconds: float, every: float) -> None:
        """Let all go on at once for so long, and print what the daemon takes as a table, line by line."""
        self.over.clear()
        works = [self.ask_all, self.ask_all, self.ask_nonsense, self.reset, self.drip, self.drip]
        works += [self.births, self.births, self.zombies, self.same_pids, self.interfaces, self.filesystems]
        threads = [threading.Thread(target=self._repeat, args=(each,), daemon=True) for each in works]
        for each in threads:
            each.start()
        self._watch(seconds, every)
        self.over.set()
        for each in threads:
            each.join(RESTED)

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
        for target in OTHERS:
            answer = self.daemon.get(target)
            self.statuses[answer.status] += 1
            if answer.status != 200 or not answer.body:
                self.complaints[f"{target}: {answer.status} {answer.body!r:.200}"] += 1

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

    def _watch(self, seconds: float, every: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.tell(self.sizes())
            time.sleep(min(every, left))

    def tell(self, now: Sizes) -> None:
        """Print a line of the table."""
        print(
            f"{time.monotonic() - self._began:7.0f} {now.rss / 1e6:8.2f} {now.descriptors:12} "
            f"{now.threads:8} {now.children:9} {now.saved / 1e3:9.1f}  {dict(self.statuses)}",
            flush=True,
        )

    def sizes(self) -> Sizes:
        """What the daemon takes now."""
        return sizes(self.daemon.pid, self.folder / STATE)

    def rest(self) -> Sizes:
        """What the daemon takes when all connections are over; one that stays is a complaint."""
        # It holds a file of each process open that it saw last, and of those many are dead by now.
        time.sleep(STALE)
        self.ask_all()
        if not eventually(lambda: self._connections() == 0, RESTED):
            self.complaints[f"{self._connections()} connections have no client"] += 1
        return self.sizes()

    def _connections(self) -> int:
        return sum(
            each.pid == self.daemon.pid
            and (each.laddr or ("", 0))[1] == self.daemon.port
            # Not that to a broker, which is to stay.
            and each.status != psutil.CONN_LISTEN
            for each in psutil.net_connections("tcp")
        )

    def grown(self, before: Sizes) -> list[str]:
        """What it takes more of than `before`, however long one waits."""
        return lasting_faults(lambda: list(growth(before, self.rest())), RESTED)


def ip(*commands: str) -> None:
    """Run commands of iproute2's `ip`."""
    for each in commands:
        subprocess.run(["ip", *each.split()], check=True)


def growth(before: Sizes, now: Sizes) -> Iterator[str]:
    """What is more than noise."""
    for name, most in GROWTH.items():
        was, is_ = getattr(before, name), getattr(now, name)
        if is_ - was > most:
            yield f"{name} grew from {was} to {is_} between the rests"


def run(seconds: float, every: float, folder: Path, stack: contextlib.ExitStack) -> int:
    """The whole run, within the namespaces. Returns the exit status."""
    # /sys shows the interfaces of the network in which it was mounted.
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
    ip("link set lo up", "link add stay0 type veth peer name stay1", "addr add 192.0.2.7/24 dev stay0")
    (folder / STATE).mkdir()
    kept = {"STATE_DIRECTORY": str(folder / STATE), "PISTAT_HISTORY_SECONDS": "5"}
    if MOSQUITTO:
        broker = stack.enter_context(Mosquitto(folder))
        kept["PISTAT_MQTT_URL"] = f"mqtt://127.0.0.1:{broker.port}"
    daemon = Daemon({**unit_environment(), **kept, "PISTAT_RATE_LIMIT_ENABLED": "no"})
    daemon.wait_until_ready()
    soak = Soak(daemon, folder)
    dead = DeadMount(folder / "dead")
    # A busier moment at the end must not be taken for growth.
    daemon.make_threads()
    print("seconds   rss MB  descriptors  threads  children  saved kB  answers by status")
    soak.work(seconds * WARM, every)
    before = soak.rest()
    soak.tell(before)
    soak.work(seconds * (1 - WARM), every)
    grown = soak.grown(before)
    soak.tell(soak.sizes())
    complaints = [f"{count} x {text}" for text, count in soak.complaints.items()] + grown
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
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        return run(chosen.seconds, chosen.every, Path(folder), stack)


if __name__ == "__main__":
    sys.exit(main())
