"""A Debian that a real systemd has booted, as a machine of its own: processes, mounts and network are apart.

It takes root and Debian's packages systemd-container, mmdebstrap and iproute2. A tree is made once, from
packages of Debian alone, and kept in the user's cache; each machine has a layer of its own over it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from support.daemon import Answer
from support.namespaces import CLONE_NEWNET, call, libc

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pi-stat-tests"

PROGRAMS = ("systemd-nspawn", "mmdebstrap", "nsenter", "ip")
PACKAGES = ("systemd-sysv", "dbus", "python3", "passwd", "mount", "procps", "iproute2")
"""What Raspberry Pi OS and Debian have, of what is used here."""

INSTALLED_LATER = ("python3-venv", "python3-psutil", "python3-markupsafe")
"""What they may lack. It is fetched, not installed: apt finds it in its cache, without a network."""

ADDRESS, CLIENT_ADDRESS = "10.85.85.2", "10.85.85.1"
BOOT_SECONDS = 60.0

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
}

LAYER = """
set -e
for each in $CGROUPS; do echo $$ >"$each/cgroup.procs"; done
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/up,workdir=$1/work" "$1/root"
# nspawn wants to clean up there, and may not be able to.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
shift 2
status=133
# That is how nspawn says that the machine reboots.
while [ $status = 133 ]; do status=0; "$@" || status=$?; done
"""


@dataclass(frozen=True)
class Debian:
    """A release: its name, the version of its Python, and whose programs it has if not those of this machine.

    Programs of another processor are run by qemu-user, which takes several times as long.
    """

    suite: str
    python: str
    architecture: str = ""

    @property
    def name(self) -> str:
        return f"{self.architecture}-{self.suite}" if self.architecture else self.suite

    @property
    def time_factor(self) -> float:
        """By how much all takes longer."""
        return 5.0 if self.architecture else 1.0


BOOKWORM, TRIXIE = Debian("bookworm", "3.11"), Debian("trixie", "3.13")

EMULATED = {"armhf": "arm", "arm64": "aarch64"}
"""By Debian's name of an architecture, what qemu calls it."""

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
"""Where the programs of other processors come from."""


def possible() -> bool:
    """Whether this process may make such machines, and has what that takes."""
    return os.geteuid() == 0 and all(shutil.which(each) for each in PROGRAMS)


# The tree, and the wheels


def tree(debian: Debian) -> Path:
    """The root of a fresh system, made the first time. It must not be written to."""

    def make(folder: Path) -> None:
        fetch = "apt-get install -qq -y --no-install-recommends --download-only"
        later = f'chroot "$1" {fetch} {" ".join(INSTALLED_LATER)}'
        command = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(PACKAGES)}"]
        source = [f"--architectures={debian.architecture}"] if debian.architecture else []
        slim = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "man", "locale")]
        fast = ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Retries "5"']
        keep = ["--skip=cleanup/apt", f"--customize-hook={later} >/dev/null"]
        mirror = [MIRROR] if debian.architecture else []
        whole = (*command, *source, *slim, *fast, *keep, debian.suite, str(folder / "root"), *mirror)
        run(*whole, seconds=600 * debian.time_factor)
        (folder / "root/etc/hostname").write_text("pi\n")
        (folder / "root/etc/hosts").write_text("127.0.0.1 localhost pi\n::1 localhost\n")

    if debian.architecture:
        _register(EMULATED[debian.architecture])
    return _cached(f"tree-{debian.name}", repr((PACKAGES, INSTALLED_LATER)).encode(), make) / "root"


def _register(processor: str) -> None:
    """Have the kernel run the programs of another processor by qemu, also where no qemu is to be seen."""
    kernel = Path("/proc/sys/fs/binfmt_misc")
    if not (kernel / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", str(kernel))
    if not (kernel / f"qemu-{processor}").exists():
        (kernel / "register").write_bytes(
            Path(f"/usr/lib/binfmt.d/qemu-{processor}.conf").read_bytes().strip()
        )


def wheels(debian: Debian) -> Path:
    """The packages that a Pi runs, as an administrator without a network lays them down for pip."""
    requirements = (ROOT / "requirements.txt").read_text()
    if debian.architecture == "armhf":
        # Of what apt brings, PyPI has no wheel.
        requirements = "".join(
            line for line in requirements.splitlines(keepends=True) if line[:6] != "psutil"
        )

    def make(folder: Path) -> None:
        wanted = folder / "requirements.txt"
        wanted.write_text(requirements)
        choice = ["--only-binary=:all:", "--python-version", debian.python, "--dest", str(folder)]
        for platform in PLATFORMS.get(debian.architecture, ()):
            choice += ["--platform", platform]
        run(sys.executable, "-m", "pip", "download", "--quiet", *choice, "-r", str(wanted))

    source = f"{debian.architecture}-" if debian.architecture else ""
    return _cached(f"wheels-{source}{debian.python}", requirements.encode(), make)


PLATFORMS = {
    "armhf": ("manylinux2014_armv7l", "manylinux_2_31_armv7l", "linux_armv7l"),
    "arm64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64"),
}
"""What pip calls the systems whose wheels it takes there."""


def _cached(name: str, recipe: bytes, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills, made anew when the recipe has changed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    with (CACHE / f"{name}.lock").open("w") as lock:
        # Tests that run at the same time want the same.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in CACHE.glob(f"{name}-*"):
                shutil.rmtree(old)
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=CACHE))
            unfinished.chmod(0o755)
            make(unfinished)
            unfinished.rename(folder)
    return folder


def run(
    *command: str, check: bool = True, seconds: float = 600.0, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; what it has said is in the failure."""
    found = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        **options,
    )
    assert found.returncode == 0 or not check, f"{command}: {found.returncode}\n{found.stdout}{found.stderr}"
    return found


# The machine


class Container:
    """A machine that is running, and another host of its network, from which it can be asked.

    Args:
        debian: What it runs.
        mounts: Folders of this machine that are seen in it, read-only, by their path in it.
    """

    def __init__(self, debian: Debian, mounts: Mapping[str, Path]) -> None:
        self.name = f"pistat{os.getpid()}{debian.name.replace('-', '')}"
        self.time_factor = debian.time_factor
        self._folder = Path(tempfile.mkdtemp(prefix="pi-stat-boot-"))
        self._cgroups = [path / self.name for path in _hierarchies()]
        self._undo = contextlib.ExitStack()
        self._leader = 0
        self._network()
        self._start(tree(debian), mounts)
        self._wait_for_boot()

    def _network(self) -> None:
        ours, client = self._netns("pi"), self._netns("client")
        run("ip", "-n", client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", ours)
        for netns, address in ((ours, ADDRESS), (client, CLIENT_ADDRESS)):
            run("ip", "-n", netns, "address", "add", f"{address}/24", "dev", "eth0")
            for interface in ("lo", "eth0"):
                run("ip", "-n", netns, "link", "set", interface, "up")

    def _netns(self, name: str) -> str:
        netns = f"{self.name}-{name}"
        run("ip", "netns", "add", netns)
        self._undo.callback(run, "ip", "netns", "delete", netns)
        return netns

    def _start(self, lower: Path, mounts: Mapping[str, Path]) -> None:
        for each in self._cgroups:
            each.mkdir()
        boot = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--machine={self.name}"]
        # Without these, systemd in there would silently leave DevicePolicy= alone.
        boot += ["--system-call-filter=bpf", "--capability=CAP_BPF"]
        boot += [f"--directory={self._folder}/root", f"--network-namespace-path=/run/netns/{self.name}-pi"]
        boot += [f"--bind-ro={source}:{place}" for place, source in mounts.items()]
        layer = ["unshare", "--mount", "bash", "-c", LAYER, "-", str(self._folder), str(lower)]
        self._console = (self._folder / "console").open("wb")
        self._loop = subprocess.Popen(
            [*layer, *boot, "--console=pipe", "--boot"],
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                "CGROUPS": " ".join(map(str, self._cgroups)),
            },
            start_new_session=True,
        )

    def _wait_for_boot(self) -> None:
        before, until = self._leader, time.monotonic() + BOOT_SECONDS * self.time_factor
        while time.monotonic() < until:
            assert self._loop.poll() is None, f"nspawn ended: {(self._folder / 'console').read_text()}"
            leader = self._find_leader()
            if leader and leader != before:
                self._leader = leader
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    self._show_own_interfaces()
                    return
            time.sleep(0.05)
        raise TimeoutError(f"no boot: {(self._folder / 'console').read_text()}")

    def _show_own_interfaces(self) -> None:
        """Let its /sys tell of its own network: nspawn gives it that of the host."""
        enter = ["nsenter", "-t", str(self._leader), "-m", "-n", "--"]
        run(*enter, "mount", "-t", "sysfs", "sysfs", "/mnt")
        for folder in ("class/net", "devices/virtual/net"):
            run(*enter, "mount", "--bind", f"/mnt/{folder}", f"/sys/{folder}")
        run(*enter, "umount", "/mnt")

    def _find_leader(self) -> int:
        """The process that is number 1 in there; 0 while there is none."""
        for each in psutil.Process(self._loop.pid).children(recursive=True):
            with contextlib.suppress(OSError, psutil.Error):
                status = Path(f"/proc/{each.pid}/status").read_text()
                numbers = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
                if len(numbers) > 1 and numbers[-1] == "1":
                    return each.pid
        return 0

    @property
    def path(self) -> Path:
        """Its root, as seen from here."""
        return Path(f"/proc/{self._leader}/root")

    def run(
        self, *command: str, check: bool = True, seconds: float = 120.0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in it as root, without a terminal."""
        enter = ["nsenter", "-t", str(self._leader), *["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]]
        seconds *= self.time_factor
        return run(*enter, "--", *command, check=check, seconds=seconds, env={**ENVIRONMENT, **environment})

    def out(self, *command: str, check: bool = True) -> str:
        """What a program in it prints."""
        return self.run(*command, check=check).stdout.strip()

    def mount(self, *command: str) -> None:
        """Run a program of this machine's rights among the mounts of the other: it may make devices."""
        run("nsenter", "-t", str(self._leader), "-m", "--", *command)

    def write(self, path: str, text: str) -> None:
        """Write a file in it, and the folders that lead there."""
        file = self.path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def reboot(self) -> None:
        """Reboot it, and wait until it is there again."""
        self.run("systemctl", "reboot", check=False)
        self._wait_for_boot()

    # The network

    def get(self, target: str, timeout: float = 10.0, port: int = 8585, **headers: str) -> Answer:
        """Ask it for `target` from another host. Raises OSError: nobody answers."""
        connection = http.client.HTTPConnection(ADDRESS, port)
        with contextlib.closing(connection), self._socket() as connection.sock:
            connection.sock.settimeout(timeout)
            connection.sock.connect((ADDRESS, port))
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def _socket(self) -> socket.socket:
        """A socket of the other host: it stays where it was made."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(_socket_in, f"/run/netns/{self.name}-client").result()

    # The end

    def remove(self) -> None:
        """End it, and leave nothing of it."""
        for pid in (self._leader, self._loop.pid):
            with contextlib.suppress(psutil.Error):
                psutil.Process(pid).kill()
        self._loop.wait(30)
        self._console.close()
        self._undo.close()
        for each in self._cgroups:
            _remove_cgroup(each)
        shutil.rmtree(self._folder)


def _hierarchies() -> Iterator[Path]:
    """The cgroup trees that systemd knows: one, or two where the first version of them is still in use."""
    root = Path("/sys/fs/cgroup")
    for each in (root, root / "unified", root / "systemd"):
        if (each / "cgroup.procs").exists():
            yield each


def _remove_cgroup(cgroup: Path) -> None:
    until = time.monotonic() + 10
    folders = sorted(cgroup.rglob("*/"), reverse=True)
    for each in [*folders, cgroup]:
        while each.is_dir():
            try:
                each.rmdir()
            except OSError:
                # Its last process is being buried.
                assert time.monotonic() < until, f"{each} is not empty"
                time.sleep(0.05)


def _socket_in(netns: str) -> socket.socket:
    descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        call(libc.setns(descriptor, CLONE_NEWNET))
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    finally:
        os.close(descriptor)
