"""The surroundings in which is measured: many processes, sockets, interfaces, mounts; a firmware to be asked.

What is made lies in namespaces of its own and ends with them: `unshare --kill-child` leaves nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

import proc
from programs import TESTS

DAY = 86_400.0

PAIRS = 2_000
"""How many connections one process makes with itself: twice as many descriptors, which are limited."""

SLEEPERS = """
import os, signal, sys
for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        with open("/proc/self/comm", "w") as name:
            name.write(f"sleeper-{number % 10}")
        os.setuid((0, 1, 33, 65534)[number % 4])
        while True:
            signal.pause()
print("ready", flush=True)
sys.stdin.read()
"""
"""Processes that share the memory of one, have a few names and owners, and do nothing."""

PEERS = """
import resource, socket, sys
count = int(sys.argv[1])
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
listener = socket.create_server(("127.0.0.1", 0), backlog=count)
kept = []
for _ in range(count):
    kept.append(socket.create_connection(listener.getsockname()))
    kept.append(listener.accept()[0])
print("ready", flush=True)
sys.stdin.read()
"""
"""Connections of a process with itself; both ends of each are established sockets."""


def in_namespaces(arguments: list[str]) -> list[str]:
    """Return the command that runs `arguments` with processes, mounts and a network of its own."""
    flags = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net"]
    return ["unshare", *flags, *arguments]


def possible() -> bool:
    """Whether namespaces can be made: by root, on Linux, with the tools for it."""
    return os.geteuid() == 0 and all(shutil.which(each) for each in ("unshare", "ip"))


def make(processes: int = 100, sockets: int = 100, interfaces: int = 5, mounts: int = 0) -> None:
    """Furnish the namespaces that this process is in. Raises CalledProcessError or OSError."""
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("ip", "link", "set", "lo", "up")
    _interfaces(interfaces - 1)
    _mounts(mounts)
    for begun in range(0, sockets // 2, PAIRS):
        _helper(PEERS, min(PAIRS, sockets // 2 - begun))
    _helper(SLEEPERS, max(0, processes - proc.count() - 1))


def run(*command: str, text: str | None = None) -> None:
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def _helper(program: str, count: int) -> None:
    """Start a program that stays until the namespace ends, and wait until it is ready."""
    helper = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", program, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert helper.stdout is not None
    if helper.stdout.readline() != b"ready\n":
        raise OSError("a helper of the scenario has failed")
    KEPT.append(helper)


KEPT: list[subprocess.Popen[bytes]] = []
"""Helpers, held so that their standard input stays open."""


def _interfaces(count: int) -> None:
    """Links that are up, each with an address: pairs of veth."""
    lines = []
    for number in range(0, count, 2):
        one, other = f"link{number}", f"link{number + 1}"
        lines.append(f"link add name {one} type veth peer name {other}")
        for at, name in enumerate((one, other)):
            lines.append(f"link set {name} up")
            lines.append(f"address add 10.{(number + at) // 250}.{(number + at) % 250}.1/24 dev {name}")
    run("ip", "-batch", "-", text="\n".join(lines) + "\n")


def _mounts(count: int) -> None:
    """Small ext4 filesystems on loop devices; those go when the mounts go, with the namespace."""
    if not count:
        return
    folder = Path(tempfile.mkdtemp(prefix="mounts-"))
    run("mount", "-t", "tmpfs", "tmpfs", str(folder))
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(2 << 20)
    run("mkfs.ext4", "-q", "-F", str(image))
    for number in range(count):
        copy, point = folder / f"{number}.img", folder / str(number)
        shutil.copyfile(image, copy)
        point.mkdir()
        run("mount", "-o", "loop", str(copy), str(point))


LOOP_CTL_REMOVE = 0x4C81


def loops() -> set[int]:
    """Return the numbers of the loop devices that there are."""
    return {int(each.name[4:]) for each in Path("/sys/block").glob("loop*")}


def remove_loops(numbers: set[int]) -> None:
    """Take away loop devices that a scenario has made; what goes with a namespace are their files only."""
    if not numbers:
        return
    until = time.monotonic() + 10.0
    with open("/dev/loop-control", "rb") as control:  # noqa: PTH123 - a device
        while numbers and time.monotonic() < until:
            for each in sorted(numbers):
                # One that is still in use is let go soon, or is somebody else's.
                with contextlib.suppress(OSError):
                    fcntl.ioctl(control, LOOP_CTL_REMOVE, each)
                    numbers.discard(each)
            time.sleep(0.1)


def day_of_history() -> Mapping[str, str]:
    """Return variables for a daemon that has saved the curves of the day that ends now."""
    from support.history.simulated_machine import WALL, Run, SimulatedMachine  # noqa: PLC0415 - the tests' own

    folder = Path(tempfile.mkdtemp(prefix="history-"))
    machine_id = Path("/etc/machine-id")
    machine = SimulatedMachine(folder / "root", machine_id.read_text().strip() if machine_id.exists() else "")
    machine.wrong = time.time() - WALL - DAY
    run = Run(machine, folder / "state")
    run.play(DAY, lambda now: {"load_avg": [1.0 + math.sin(now / 999), 0.0, 0.0]})
    run.archive.close()
    return {"STATE_DIRECTORY": str(folder / "state")}


# The firmware of a Raspberry Pi


def firmware(folder: Path, *, device: bool) -> Mapping[str, str]:
    """Return variables for a daemon that finds a firmware: by its device, or only by the program vcgencmd.

    It is the stand-in of the tests. That looks at every path that is opened and writes down what it is asked,
    so a daemon beside it costs more than on a Pi.
    """
    from support.firmware import mailbox_standin as standin  # noqa: PLC0415 - the tests' own, and only needed here

    made = standin.StandIn(folder / "pi", standin.build(folder))
    made.board("Raspberry Pi 4 Model B Rev 1.5")
    texts = transcript(TESTS / "boards/pi4b-8gb/vcgencmd.txt")
    if device:
        made.node()
        made.replies(texts)
    else:
        cases = [f"{quote(question)}) printf %s {quote(text)};;" for question, text in texts.items()]
        unknown = "*) echo 'error=1 error_msg=\"Command not registered\"';;"
        made.program("\n".join(['case "$*" in', *cases, unknown, "esac"]))
    environment: dict[str, str] = made.environment
    return environment


def transcript(path: Path) -> dict[str, str]:
    """Questions and replies of a recorded board."""
    found = {}
    for part in path.read_text().split("$ vcgencmd ")[1:]:
        question, _, reply = part.partition("\n")
        if "[exit" not in reply:
            found[question] = reply
    return found
