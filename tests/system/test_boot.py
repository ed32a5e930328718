"""The boot service, from its installation to its removal, under the systemd of Debian 12 and 13.

Each test finds the service installed and running, and leaves it so; those at the end remove it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import pytest

from pistat import __version__
from pistat.server.server import BLOCKING, THREADS
from support import stepped_clock as wallclock
from support import systemd_container as container
from support.diagnosis.watch import Watch
from support.systemd_container import ADDRESS, BOOKWORM, ROOT, TRIXIE, Container, Debian

if TYPE_CHECKING:
    from support.require import Require

UNIT = "pi-stat.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/test.conf"
ENV = "/opt/pi-stat/.env"
CLONE = "/home/pi/a clone of pi-stat"
INSTALL = f"{CLONE}/install.sh"
SERVICE_PAGE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
TROUBLE_PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MIB = 1 << 20

OPEN = (
    "Anyone on the network can read this. To change that, set PISTAT_API_TOKEN, or PISTAT_HOST to 127.0.0.1."
)
"""What a start says as long as anybody may ask."""

SOON = "[Service]\nRestartSec=100ms\n"
"""Without the pause that an owner has between two starts."""


class Service(Container):
    """A machine on which pi-stat is installed, from a clone of its own.

    Attributes:
        installation: What install.sh has said the first time.
    """

    def __init__(self, debian: Debian) -> None:
        super().__init__(debian, {"/wheels": container.wheels(debian)})
        try:
            self._prepare()
            self.installation = self.install().stdout
        except BaseException:
            self.remove()
            raise

    def _prepare(self) -> None:
        # As an administrator whose machines have no way to PyPI sets pip up.
        self.write("/etc/pip.conf", "[global]\nno-index = yes\nfind-links = /wheels\n")
        self.run("useradd", "--create-home", "--user-group", "pi")
        self.clone()

    def clone(self) -> Path:
        """A fresh copy of the project on the machine, as seen from here."""
        place = self.path / CLONE.lstrip("/")
        shutil.rmtree(place, ignore_errors=True)
        ignored = shutil.ignore_patterns(".git", ".venv", ".env", ".*_cache", ".hypothesis", "tests")
        shutil.copytree(ROOT, place, ignore=ignored)
        # As somebody clones it whose umask is 077.
        self.run("chmod", "-R", "go=", CLONE)
        self.run("chown", "-R", "pi:pi", CLONE)
        return place

    def install(
        self, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run install.sh."""
        return self.run(INSTALL, *arguments, check=check, seconds=300, **environment)

    @contextlib.contextmanager
    def scripts(self, **programs: str) -> Iterator[None]:
        """Shell scripts in /run/fakes."""
        self.run("mkdir", "/run/fakes")
        for name, script in programs.items():
            self.write(f"/run/fakes/{name}", f"#!/bin/sh\n{script}\n")
        self.run("chmod", "-R", "+x", "/run/fakes")
        try:
            yield
        finally:
            self.run("rm", "-r", "/run/fakes")

    @contextlib.contextmanager
    def fakes(self, **programs: str) -> Iterator[None]:
        """Shell scripts that come before the programs of their names on the PATH of install.sh."""
        places = [f"/usr/local/sbin/{name}" for name in programs]
        with self.scripts(**programs):
            for name in programs:
                self.run("cp", f"/run/fakes/{name}", "/usr/local/sbin")
            try:
                yield
            finally:
                self.run("rm", "-f", *places)

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.out("systemctl", "show", "--property", name, "--value", UNIT)

    @property
    def pid(self) -> int:
        return int(self.show("MainPID"))

    def until(self, true: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait for something."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.journal()
            time.sleep(0.05)

    def answers(self, target: str = "/health") -> bool:
        with contextlib.suppress(OSError):
            return self.get(target, timeout=5).status == 200
        return False

    def json(self, target: str) -> Any:
        """The JSON of a 200."""
        answer = self.get(target)
        assert answer.status == 200, answer
        return answer.json()

    def restart(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("systemctl", "restart", UNIT, check=check)

    def since(self) -> str:
        """A place in the journal: what comes after this."""
        self.run("journalctl", "--sync")
        return self.out("journalctl", "-n", "1", "--show-cursor").rpartition("-- cursor: ")[2]

    def entries(self, since: str) -> list[dict[str, str]]:
        """What the daemon itself, and systemd about it, have written into the journal."""
        self.run("journalctl", "--sync")
        lines = self.out("journalctl", "-u", UNIT, "--after-cursor", since, "-o", "json").splitlines()
        return [json.loads(each) for each in lines]

    def journal(self, since: str = "") -> str:
        """The text of all of these."""
        after = ["--after-cursor", since] if since else []
        self.run("journalctl", "--sync")
        return self.out("journalctl", "-u", UNIT, "-o", "cat", *after)

    @contextlib.contextmanager
    def drop_in(self, text: str) -> Iterator[None]:
        """The unit with something of the owner's, until the end of the block; nothing is restarted for it."""
        self.write(DROP_IN, text)
        self.run("systemctl", "daemon-reload")
        try:
            yield
        finally:
            self.run("rm", "-r", str(Path(DROP_IN).parent))
            self.run("systemctl", "daemon-reload")
            self.run("systemctl", "reset-failed", UNIT, check=False)
            self.restart()

    @contextlib.contextmanager
    def env(self, text: str) -> Iterator[None]:
        """Other settings, until the end of the block."""
        before = self.out("cat", ENV) + "\n"
        # In place: owner and mode stay.
        self.write(ENV, text)
        try:
            yield
        finally:
            self.write(ENV, before)
            self.restart()


@pytest.fixture(scope="module", params=[BOOKWORM, TRIXIE], ids=["debian12", "debian13"])
def service(request: pytest.FixtureRequest, require: Require) -> Iterator[Service]:
    """A freshly installed service."""
    require(container.possible(), "root, systemd-container, mmdebstrap and iproute2")
    found = Service(request.param)
    yield found
    found.remove()


once = pytest.mark.parametrize("service", [BOOKWORM], indirect=True, ids=["debian12"])
"""For what cannot differ from one release to the other."""


@pytest.fixture(scope="module")
def libraries(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for libraries that are compiled."""
    require(wallclock.possible(), "a C compiler")
    return tmp_path_factory.mktemp("libraries")


Test = TypeVar("Test", bound=Callable[..., None])
TRIED: set[str] = set()
"""The cases of trouble that tests bring about, by the bold words that begin each in the document."""


def tries(*cases: str) -> Callable[[Test], Test]:
    """Mark a test that brings about `cases`."""

    def mark(test: Test) -> Test:
        TRIED.update(cases)
        return test

    return mark


# The installation


def test_install_says_where_it_answers(service: Service) -> None:
    """install.sh works without a terminal, and ends with version, address and a first answer."""
    said = service.installation

    assert f"pi-stat {__version__} is installed. It runs now and after every boot." in said
    assert '\n{"status": "healthy", "uptime": ' in said
    assert f"\nOpen http://pi.local:8585/ or http://{ADDRESS}:8585/\n" in said
    assert "To require a token:\n    echo" in said


@once
def test_install_says_how_to_set_a_token(service: Service) -> None:
    """The line that install.sh ends with, copied and run, closes the service to those without the token."""
    line = service.installation.strip().splitlines()[-1].replace("sudo ", "")
    with service.env(""):
        service.run("sh", "-ec", line.replace("$(openssl rand -hex 24)", "correct-horse"))
        service.until(lambda: service.get("/stats").status == 401)
        assert service.get("/stats", Authorization="Bearer correct-horse").status == 200
        said = service.install().stdout

    assert f"pi-stat {__version__} is installed again, and runs." in said
    assert "require a token" not in said


def test_pi_stat_is_a_command(service: Service) -> None:
    """`pi-stat` is on everyone's PATH: it prints its version, checks the settings, or shows its help."""
    assert service.out("runuser", "-u", "pi", "--", "pi-stat", "--version") == f"pi-stat {__version__}"
    assert "host 0.0.0.0, port 8585" in service.out("pi-stat", "--check")
    assert service.out("pi-stat").startswith("usage: pi-stat")


def test_installed_settings_are_no_example(service: Service) -> None:
    """The settings of a first installation are all commented out, and say nothing of an example or a copy."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert not re.search("example(?!\\.org)|copy", text)
    assert all(line.startswith("#") for line in text.splitlines() if line)


def test_what_is_installed(service: Service) -> None:
    """The program belongs to root and can be read by all; its settings can be read by the service alone."""
    assert service.out("find", "/opt/pi-stat", "!", "-user", "root") == ""
    assert service.out("find", "/opt/pi-stat", "-perm", "/022", "!", "-type", "l") == ""
    assert service.out("stat", "-c", "%U %G %a", ENV) == "root pi-stat 640"
    assert service.out("ls", "-A", "/opt") == "pi-stat"
    assert service.out("id", "-Gn", "pi-stat").split() == ["pi-stat", "video"]
    assert service.out("getent", "passwd", "pi-stat").endswith(":/nonexistent:/usr/sbin/nologin")


IMPORTED = """
import os, sys, pistat, pi_system_monitor
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
mine = [name for name, file in files.items() if file.startswith("/opt/pi-stat/") and file.endswith(".py")]
print(len(mine) > 50)
print(*(name for name in mine if not os.path.exists(sys.modules[name].__cached__)))
print(pistat.cli.parse.__code__.co_filename)
"""


def test_bytecode(service: Service) -> None:
    """All that the service imports was compiled, for the place where it lies: it cannot do that itself."""
    python = ["env", "-C", "/opt/pi-stat", "PYTHONDONTWRITEBYTECODE=1", ".venv/bin/python"]
    found = service.out(*python, "-c", IMPORTED)

    # What is run, and not imported, is never looked for as bytecode.
    assert found.splitlines() == ["True", "pi_system_monitor", "/opt/pi-stat/pistat/cli.py"]


def test_nothing_still_names_the_place_where_it_was_built(service: Service) -> None:
    """The program was built beside the one that ran; nothing of it points there."""
    assert service.out("grep", "-rl", "/opt/pi-stat.new", "/opt/pi-stat", check=False) == ""
    assert service.out("/opt/pi-stat/.venv/bin/flask", "--version").startswith("Python 3.")


def test_it_answers_another_host(service: Service) -> None:
    """From another network, every route answers."""
    for target in ("/stats", "/processes", "/network/interfaces", "/storage/devices", "/health", "/"):
        assert service.get(target).status == 200


def test_the_unit_is_well_formed(service: Service) -> None:
    """Systemd finds nothing to say about the unit."""
    found = service.run("systemd-analyze", "verify", f"/etc/systemd/system/{UNIT}")

    assert found.stdout + found.stderr == ""


def test_the_unit_is_tight(service: Service) -> None:
    """Systemd's own rating of the sandbox is 1.7 at most; 10 is no sandbox."""
    said = service.out("systemd-analyze", "security", "--no-pager", UNIT)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)

    assert exposure, said
    assert float(exposure[1]) <= 1.7, said


def test_the_limits(service: Service) -> None:
    """With all its threads at work it uses less than half of the memory and of the tasks that it may have."""
    slow = ["/stats?block=true"] * BLOCKING + ["/processes?limit=10000", "/metrics"] * THREADS
    with service.env("PISTAT_RATE_LIMIT_ENABLED=no\n"):
        service.restart()
        with ThreadPoolExecutor(BLOCKING + THREADS) as pool:
            answers = list(pool.map(partial(service.get, timeout=60), slow))
        status = dict(re.findall(r"(\w+):\s+(\d+)", service.out("cat", f"/proc/{service.pid}/status")))

    assert {each.status for each in answers} == {200}
    assert 2 * 1024 * int(status["VmHWM"]) < int(service.show("MemoryHigh")) < int(service.show("MemoryMax"))
    assert THREADS < 2 * int(status["Threads"]) < int(service.show("TasksMax"))


@once
def test_the_status_line(service: Service) -> None:
    """`systemctl status` shows where it listens and how many requests it has answered."""
    with service.drop_in("[Service]\nWatchdogSec=4\n"):
        service.restart()
        service.get("/stats")
        service.until(lambda: "requests answered: 1" in service.show("StatusText"))
        said = service.out("systemctl", "status", "--no-pager", UNIT)

    assert 'Status: "Listening on http://0.0.0.0:8585/; requests answered: 1"' in said


# Its life


def test_boot(service: Service, record_property: Callable[[str, object], None]) -> None:
    """It is there after a reboot, by itself, and nothing else has failed because of it."""
    assert service.out("systemctl", "is-enabled", UNIT) == "enabled"
    began = time.monotonic()
    service.reboot()
    service.until(service.answers)
    record_property("seconds from a reboot to the first answer", round(time.monotonic() - began, 2))

    assert service.out("systemctl", "is-system-running", "--wait") == "running"


def test_kill(service: Service) -> None:
    """One that is killed is started again."""
    before = service.pid
    service.run("kill", "-9", str(before))
    service.until(service.answers)

    assert service.pid != before
    assert service.show("NRestarts") == "1"


FAULT = """
import os, sys, time
if os.path.exists("/run/fault-start"):
    sys.exit(1)
sys.path.insert(0, "/opt/pi-stat")
import pi_system_monitor
from pistat.server.server import Server
uptime, turn = pi_system_monitor.Machine.uptime, Server._turn
def stand(what):
    while os.path.exists("/run/fault-" + what):
        time.sleep(0.05)
    return True
pi_system_monitor.Machine.uptime = lambda self: stand("workers") and uptime(self)
Server._turn = lambda self, seconds: stand("loop") and turn(self, seconds)
sys.exit(pi_system_monitor.main())
"""
FAULTY = "[Service]\nExecStart=\nExecStart=/opt/pi-stat/.venv/bin/python /usr/local/lib/faulty.py\n"


@pytest.mark.parametrize("hang", ["stopped", "loop", "workers"])
def test_a_hang(service: Service, hang: str) -> None:
    """The watchdog ends a daemon that is stopped, or whose loop or workers stand, and it is started again."""
    service.write("/usr/local/lib/faulty.py", FAULT)
    assert service.show("WatchdogUSec") == "30s"
    with service.drop_in(
        f"{FAULTY}WatchdogSec=4\nRestartSec=100ms\nTimeoutAbortSec={1 if hang == 'stopped' else 30}\n"
    ):
        service.restart()
        before, since = service.pid, service.since()
        if hang == "stopped":
            service.run("kill", "-STOP", str(before))
        else:
            service.write(f"/run/fault-{hang}", "")
        service.until(lambda: service.pid not in (0, before))
        service.run("rm", "-f", f"/run/fault-{hang}")
        service.until(service.answers)
        said = service.journal(since)

    assert "Watchdog timeout" in said
    if hang != "stopped":
        assert "in stand" in said, "the journal shows where it stood"


def test_a_crash_loop_is_never_given_up(service: Service) -> None:
    """However often it fails to start, it is started again, and serves as soon as it can."""
    service.write("/usr/local/lib/faulty.py", FAULT)
    service.write("/run/fault-start", "")
    with service.drop_in(FAULTY + SOON.removeprefix("[Service]\n")):
        service.restart(check=False)
        service.until(lambda: int(service.show("NRestarts")) > 7)
        assert service.show("ActiveState") != "failed"
        service.run("rm", "/run/fault-start")
        service.until(service.answers)


def test_a_bad_setting(service: Service) -> None:
    """It stops the start with status 78 and a line that names it, and systemd does not try again."""
    with service.env("PISTAT_PORT=http\n"):
        since = service.since()
        failed = service.restart(check=False)

        assert failed.returncode != 0
        assert [service.show(each) for each in ("ActiveState", "SubState", "NRestarts")] == [
            "failed",
            "failed",
            "0",
        ]
        assert service.show("ExecMainStatus") == "78"
        mine = [each for each in service.entries(since) if each.get("SYSLOG_IDENTIFIER") == "pi-stat"]
        assert [(each["PRIORITY"], each["MESSAGE"]) for each in mine] == [
            ("3", 'pi-stat: PISTAT_PORT is "http"; expected a whole number from 1 to 65535.')
        ]


def test_new_settings(service: Service) -> None:
    """A change of `.env` is in force after a restart."""
    with service.env("PISTAT_RATE_LIMIT_REQUESTS=777\n"):
        assert service.get("/stats").headers["ratelimit-limit"] != "777"
        service.restart()
        assert service.get("/stats").headers["ratelimit-limit"] == "777"


def test_reload(service: Service) -> None:
    """A reload brings new settings into force in the same process; bad ones fail it, and nothing else."""
    before, since = service.pid, service.since()
    with service.env("PISTAT_RATE_LIMIT_REQUESTS=777\n"):
        service.run("systemctl", "reload", UNIT)
        service.until(lambda: service.get("/stats").headers["ratelimit-limit"] == "777")
        mine = [each["MESSAGE"] for each in service.entries(since) if each["SYSLOG_IDENTIFIER"] == "pi-stat"]
        assert mine == [OPEN, "The settings were read again."]
        service.write(ENV, "PISTAT_RATE_LIMIT_REQUESTS=many\n")
        failed = service.run("systemctl", "reload", UNIT, check=False)

        assert failed.returncode != 0
        assert 'PISTAT_RATE_LIMIT_REQUESTS is "many"' in service.journal()
        assert service.get("/stats").headers["ratelimit-limit"] == "777"
        assert service.pid == before


def test_the_journal(service: Service) -> None:
    """The journal has lines for a start and none for a request, each with its priority and without marks."""
    with service.env("PISTAT_PROT=8585\n"):
        since = service.since()
        service.restart()
        for target in ("/stats", "/processes", "/nowhere", "/stats?fields=x"):
            service.get(target)
        mine = [each for each in service.entries(since) if each["_PID"] == str(service.pid)]

    unknown = '"PISTAT_PROT" is not a setting of pi-stat and was ignored. Did you mean PISTAT_PORT?'
    listening = mine[1]["MESSAGE"]
    assert [(each["PRIORITY"], each["MESSAGE"]) for each in mine] == [
        ("4", unknown),
        ("6", listening),
        ("6", OPEN),
    ]
    assert re.fullmatch(r"Listening on http://[\w.-]+:8585/( and http://[\w.:\[\]]+:8585/)?", listening)
    assert "0.0.0.0" not in listening


def test_the_clock_is_set(service: Service, libraries: Path) -> None:
    """A clock that is set, forward and back, stops nothing: it answers, its watchdog is fed, uptime goes on.

    The clock is that of the service alone: the one of the machine belongs to its host.
    """
    clock = wallclock.WallClock(libraries)
    shutil.copy(clock.environment()["LD_PRELOAD"], service.path / "usr/lib/wallclock.so")
    given = "Environment=LD_PRELOAD=/usr/lib/wallclock.so WALLCLOCK=/run/wallclock\n"
    with service.drop_in(f"[Service]\nWatchdogSec=4\n{given}"):
        service.write("/run/wallclock", "0")
        service.restart()
        before, pid = service.json("/stats"), service.pid
        for step in (100_000_000, -100_000_000):
            service.write("/run/wallclock", str(step))
            fed = service.show("WatchdogTimestampMonotonic")
            after = service.json("/stats?cache=false")

            assert abs(after["timestamp"] - before["timestamp"] - step) < 600
            assert 0 < after["uptime"] - before["uptime"] < 600
            service.until(lambda fed=fed: service.show("WatchdogTimestampMonotonic") != fed)  # type: ignore[misc]
        assert service.pid == pid


# The sandbox


@pytest.fixture
def disk(service: Service, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Mount disks of their own on the machine, by a name below its /dev."""
    with contextlib.ExitStack() as undo:

        def mount(device: str, place: str, *options: str) -> None:
            image = tmp_path / device
            with image.open("wb") as file:
                file.truncate(16 * MIB)
            container.run("mkfs.ext4", "-q", str(image))
            loop = container.run("losetup", "--find", "--show", str(image)).stdout.strip()
            undo.callback(container.run, "losetup", "--detach", loop)
            number = loop.removeprefix("/dev/loop")
            service.mount("mknod", f"/dev/{device}", "b", "7", number)
            service.mount("mkdir", "-p", place)
            service.mount("mount", *options, f"/dev/{device}", place)
            undo.callback(service.mount, "rm", f"/dev/{device}")
            undo.callback(service.mount, "umount", place)

        yield mount


def df(service: Service, place: str) -> dict[str, int]:
    """What root sees of a filesystem, outside."""
    sizes = service.out("df", "--block-size=1", "--output=size,used,avail", place).splitlines()[1].split()
    return dict(zip(("total", "used", "free"), map(int, sizes), strict=True))


def test_disks(service: Service, disk: Callable[..., None]) -> None:
    """Sizes and flags of disks are those that root sees, of /home on its own and of what is mounted later."""
    disk("sdy1", "/home")
    service.restart()
    disk("sdy2", "/media/stick")
    disk("sdy3", "/tmp/stick", "-o", "ro")
    rows: dict[str, Any] = {}

    def seen() -> bool:
        # An answer is shared for two seconds, and the history asks, too.
        rows.update({each["mountpoint"]: each for each in service.json("/storage/devices")["devices"]})
        return "/tmp/stick" in rows

    service.until(seen)
    for place, read_only in (("/home", False), ("/media/stick", False), ("/tmp/stick", True)):
        row = rows[place]
        assert {key: row[key] for key in ("total", "used", "free")} == df(service, place)
        assert row["read_only"] is read_only
        assert row["filesystem"] == "ext4"
    before = df(service, "/")
    root = service.json("/stats?cache=false&fields=disk")["disk"]
    after = df(service, "/")
    assert root["total"] == rows["/"]["total"] == before["total"]
    assert min(before["used"], after["used"]) - MIB < root["used"] < max(before["used"], after["used"]) + MIB
    assert rows["/"]["read_only"] is False, "it is so only for the service"


@tries('A disk has `null` sizes and the error "not permitted".')
@once
def test_a_disk_in_a_closed_folder(service: Service, disk: Callable[..., None]) -> None:
    """A disk below a folder that its owner alone may enter keeps its row, and the documented fix works."""
    service.run("mkdir", "-m", "750", "/media/pi")
    disk("sdy4", "/media/pi/stick")

    def row() -> dict[str, Any]:
        rows = service.json("/storage/devices")["devices"]
        return next(each for each in rows if each["mountpoint"] == "/media/pi/stick")

    service.restart()
    assert (row()["total"], row()["error"]) == (None, "not permitted")
    service.run("chmod", "o+x", "/media/pi")
    service.until(lambda: row()["total"] == df(service, "/media/pi/stick")["total"])


@pytest.fixture
def restarted(service: Service) -> Iterator[None]:
    """Restart the service after whatever was done to the machine is undone."""
    yield
    service.restart()


@once
@pytest.mark.usefixtures("restarted")
def test_what_was_is_kept_over_a_restart(service: Service, disk: Callable[..., None]) -> None:
    """In the state directory of the unit, within its sandbox, for the user of the service alone."""
    reason = service.json("/capabilities")["history"]["detail"]
    assert reason == '"/var/lib/pi-stat" lies in memory, on tmpfs or on an overlay over it.'

    disk("sdy5", "/var/lib/pi-stat")
    service.restart()
    first = ("test", "-e", "/var/lib/pi-stat/session.json")
    service.until(lambda: service.run(*first, check=False).returncode == 0)
    assert service.json("/capabilities")["history"] == {"saved": True, "detail": None}
    service.restart()
    assert service.out("stat", "-c", "%U %G %a", "/var/lib/pi-stat/history.bin") == "pi-stat pi-stat 600"


def owners(service: Service) -> dict[int, str]:
    """All processes and their owners, as root sees them."""
    rows = [each.split() for each in service.out("ps", "-e", "-o", "pid=,user:32=").splitlines()]
    return {int(pid): user for pid, user in rows}


def test_processes(service: Service) -> None:
    """Every process is seen, with its owner."""
    service.run("systemd-run", "--uid=pi", "--unit=of-pi", "sleep", "600")
    # It begins as root.
    service.until(lambda: "pi" in owners(service).values())
    before = owners(service)
    found = {each["pid"]: each["user"] for each in service.json("/processes?limit=10000")["processes"]}
    after = owners(service)
    service.run("systemctl", "stop", "of-pi")
    lasting = {pid: user for pid, user in before.items() if after.get(pid) == user}

    assert {pid: found.get(pid) for pid in lasting} == lasting
    assert {"root", "pi", "pi-stat"} <= set(lasting.values())
    assert 1 in lasting


def test_interfaces(service: Service) -> None:
    """Interfaces, their addresses, their state and their speed are those that root sees."""
    outside = {
        each["ifname"]: (
            {f"{one['local']}/{one['prefixlen']}" for one in each["addr_info"]},
            each["address"],
            each["mtu"],
            each["operstate"] == "UP",
        )
        for each in json.loads(service.out("ip", "-json", "address"))
        if each["ifname"] != "lo"
    }
    inside = service.json("/network/interfaces")["interfaces"]
    del inside["active_connections"]

    assert "eth0" in outside
    assert inside["eth0"]["speed"] == int(service.out("cat", "/sys/class/net/eth0/speed"))
    assert {
        name: (set(each["addresses"]), each["mac"], each["mtu"], each["is_up"])
        for name, each in inside.items()
    } == outside


def test_memory_and_load(service: Service) -> None:
    """Memory, processors and time since boot are those of the machine."""
    stats = service.json("/stats?cache=false")
    meminfo = dict(re.findall(r"(\w+): +(\d+)", service.out("cat", "/proc/meminfo")))

    assert stats["memory"]["total"] == int(meminfo["MemTotal"]) * 1024
    assert len(stats["per_cpu_usage"]) == int(service.out("getconf", "_NPROCESSORS_ONLN"))
    assert abs(stats["uptime"] - float(service.out("cat", "/proc/uptime").split()[0])) < 60
    assert "errors" not in stats


DEVICE = "/dev/vcio"


@pytest.fixture
def firmware(service: Service, libraries: Path) -> Iterator[None]:
    """The device of a Pi's firmware, with owner and mode as there, and a firmware behind it."""
    library = libraries / "vcio.so"
    source = Path(__file__).parents[1] / "support" / "native" / "vcio.c"
    container.run("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source))
    shutil.copy(library, service.path / "usr/lib/vcio.so")
    # The number is that of a device that is really there, and that everybody may open.
    service.mount("mknod", DEVICE, "c", "10", "229")
    service.mount("chmod", "660", DEVICE)
    service.mount("chgrp", "video", DEVICE)
    yield
    service.mount("rm", DEVICE)


OPENS = """
import os, sys
for device in sys.argv[1:]:
    try:
        os.close(os.open(device, os.O_RDWR))
        print(device, "opened", file=sys.stderr)
    except OSError as error:
        print(device, error.strerror, file=sys.stderr)
"""


def test_the_firmware(service: Service, firmware: None) -> None:
    """The firmware is asked through its device, by a user of its group, and no other device is there."""
    service.write("/usr/local/lib/opens.py", OPENS)
    service.mount("mknod", "/dev/other", "c", "10", "229")
    service.mount("chmod", "666", "/dev/other")
    asks = f"ExecStartPre=/usr/bin/python3 /usr/local/lib/opens.py {DEVICE} /dev/other /dev/null\n"
    with service.drop_in(f"[Service]\n{asks}Environment=LD_PRELOAD=/usr/lib/vcio.so\n"):
        since = service.since()
        service.restart()
        gpu = service.json("/stats?fields=gpu")["gpu"]
        said = service.journal(since)
        service.mount("rm", "/dev/other")

    assert gpu["temperature"] == 48.3
    for line in (f"{DEVICE} opened", "/dev/other No such file or directory", "/dev/null opened"):
        assert line in said


BOARD = ROOT / "tests/boards/pi5-8gb-nvme"


@pytest.fixture
def board(service: Service) -> Iterator[None]:
    """What the kernel of a Pi 5 shows of its sensors, disks and devices."""
    folder = "/run/board"
    places = ("sys/class/hwmon", "sys/class/thermal", "sys/bus/usb", "sys/block")
    service.mount("mkdir", folder)
    service.mount("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for source in (path for each in places for path in sorted((BOARD / each).rglob("*")) if path.is_file()):
        # A colon is no part of a name everywhere where the boards are kept.
        place = service.path / folder.lstrip("/") / unquote(str(source.relative_to(BOARD)))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    service.mount("chmod", "-R", "a+rX", folder)
    service.mount("mkdir", f"{folder}/sys/class/net")
    service.mount("mount", "--rbind", "/sys/class/net", f"{folder}/sys/class/net")
    over = ("/sys/class", "/sys/bus", "/sys/block")
    for each in over:
        service.mount("mount", "--rbind", f"{folder}{each}", each)
    yield
    # The service may hold a file of it open.
    for each in (*over, folder):
        service.run("umount", "--lazy", each)
    service.run("rmdir", folder)


CONTAINER_ID = "3f2a9c0d1e4b" + "0" * 52
FAILS = "broken.service"


@pytest.fixture
def state(service: Service) -> Iterator[None]:
    """A cgroup as Docker makes it for a container, with a process in it, and a service that has failed."""
    scope = f"docker-{CONTAINER_ID}.scope"
    service.run("sh", "-c", f"systemd-run --quiet --scope --unit={scope} sleep 600 >/dev/null 2>&1 &")
    service.run("systemd-run", f"--unit={FAILS}", "--description=Fails at once", "false")
    service.until(lambda: service.out("systemctl", "is-failed", FAILS, check=False) == "failed")
    service.until(lambda: service.out("systemctl", "is-active", scope, check=False) == "active")
    yield
    service.run("systemctl", "stop", scope)
    service.run("systemctl", "reset-failed", check=False)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single figure of an answer by its path; a row of a list goes by what it has of a name."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            row = each if isinstance(each, dict) else {}
            name = row.get("pid") or row.get("mountpoint") or row.get("field") or place
            yield from leaves(each, f"{path}[{name}]")
    else:
        yield path, value


def samples(text: str) -> dict[str, float]:
    """The samples of /metrics, but for what the daemon tells of itself."""
    own = re.compile("#|process_|pistat_(collector|cache|request)")
    lines = [each.rpartition(" ") for each in text.splitlines() if not own.match(each)]
    return {name: float(value) for name, _, value in lines}


def everything(service: Service, port: int) -> dict[str, Any]:
    """All leaves of all routes."""
    found: dict[str, Any] = {}
    for target in ALL:
        answer = service.get(target, port=port)
        assert answer.status == 200, answer
        values = samples(answer.body.decode()) if target == "/metrics" else answer.json()
        found.update(leaves(values, target))
    return found


ALL = (
    *("/stats", "/processes?limit=10000", "/network/interfaces", "/storage/devices"),
    *("/sensors", "/metrics", "/health", "/capabilities", "/containers", "/services"),
)
RESTLESS = {"_ratio": (0.05, 0.0), "cpu_usage|cpu_percent": (5.0, 0.0), "memory|swap|load|freq": (0.0, 0.05)}
"""Figures that go up and down by themselves: by how much, and by what share of it, each may be off."""


def margin(path: str, value: float) -> float:
    """By how much a figure may differ that each daemon measures when it is asked."""
    fixed, share = next((each for words, each in RESTLESS.items() if re.search(words, path)), (0.0, 0.0))
    return fixed + share * abs(value)


def agree(path: str, inside: Any, outside: tuple[Any, Any]) -> bool:
    """Whether a figure is one of those outside, shortly before and after, or lies between them."""
    if inside in outside and type(inside) in map(type, outside):
        return True
    if isinstance(inside, bool) or not all(isinstance(each, int | float) for each in (inside, *outside)):
        return False
    off = margin(path, inside)
    return bool(min(outside) - off <= inside <= max(outside) + off)


ABSENT = "not there"


def test_every_figure(
    service: Service, firmware: None, board: None, state: None, disk: Callable[..., None]
) -> None:
    """Each leaf of each route is, in the sandbox, what the same program tells as root outside of it."""
    disk("sdy5", "/home")
    disk("sdy6", "/media/stick")
    settings = "PISTAT_CACHE_SECONDS=0\nPISTAT_RATE_LIMIT_ENABLED=no\n"
    preload = "LD_PRELOAD=/usr/lib/vcio.so"
    outside = ["--unit=outside", "--setenv=PISTAT_PORT=8586", f"--setenv={preload}"]
    outside += ["--setenv=STATE_DIRECTORY=/var/lib/pi-stat"]
    program = ["/opt/pi-stat/.venv/bin/python", "/opt/pi-stat/pi_system_monitor.py"]
    with service.env(settings), service.drop_in(f"[Service]\nEnvironment={preload}\n"):
        service.restart()
        service.run("systemd-run", "--property=Type=notify", *outside, *program)
        pending: set[str] | None = None
        agreed: set[str] = set()
        until = time.monotonic() + 60
        while pending is None or (pending and time.monotonic() < until):
            before, inside, after = (everything(service, port) for port in (8586, 8585, 8586))
            told = {
                path: (inside.get(path, ABSENT), (before.get(path, ABSENT), after.get(path, ABSENT)))
                for path in before.keys() | inside.keys()
            }
            agreed |= {path for path, (one, two) in told.items() if agree(path, one, two)}
            pending = told.keys() - agreed
        service.run("systemctl", "stop", "outside")

    assert {path: told[path] for path in sorted(pending)} == {}
    for path, value in FOUND.items():
        assert inside[path] == value


FOUND = {
    "/stats.cpu_temp": 46.6,
    "/stats.gpu.temperature": 48.3,
    "/stats.hardware.usb_devices": 2,
    "/storage/devices.devices[/media/stick].filesystem": "ext4",
    "/storage/devices.disks.nvme0n1.model": "EXAMPLE NVME 512GB",
    "/sensors.fans.pwmfan.rpm": 2838,
    "/sensors.temperatures.rp1_adc.temperature": 53.71,
    "/sensors.trip_points[0].temperature": 110.0,
    "/containers.containers[0].engine": "docker",
    "/containers.containers[0].id": CONTAINER_ID[:12],
    "/containers.containers[0].processes": 1,
    "/services.failed[0].name": FAILS,
    "/services.state": "degraded",
}
"""What was laid down; a comparison of nothing with nothing would be none."""


# What becomes of the diagnosis


SOONER = """
import sys
sys.path.insert(0, "/opt/pi-stat")
import pi_system_monitor
from pistat.machine import memo
memo.KEEP_SECONDS = 2.0
sys.exit(pi_system_monitor.main())
"""
"""The program with a minute of two seconds: for so long it keeps what it has heard of systemd."""


def test_a_service_that_fails(service: Service) -> None:
    """It is listed when the minute is over, and gone after `reset-failed`; the diagnosis names it."""
    service.write("/usr/local/lib/sooner.py", SOONER)
    python = "/opt/pi-stat/.venv/bin/python"
    program = f"ExecStart=\nExecStart={python} /usr/local/lib/sooner.py\n"
    watch = Watch("system.units_failed", read=lambda: dict(service.json("/services")))

    def failed() -> list[str]:
        return [row["name"] for row in service.json("/services")["failed"]]

    with service.drop_in(f"[Service]\nEnvironment=PISTAT_RATE_LIMIT_ENABLED=no\n{program}"):
        service.restart()
        assert watch.sample(120) is None
        service.run("systemd-run", f"--unit={FAILS}", "--description=Fails at once", "false")
        service.until(lambda: failed() == [FAILS])
        document = service.json("/services")
        assert watch.sample(120) == "warning"
        row = watch.row()
        service.run("systemctl", "reset-failed", FAILS)
        service.until(lambda: failed() == [])
        assert watch.sample(120) is None

    assert document["failed"][0]["description"] == "Fails at once"
    assert abs(document["failed"][0]["since"] - time.time()) < 600
    assert document["state"] == "degraded"
    assert row is not None
    assert row["title"] == "1 service has failed"
    assert FAILS in row["text"]


# Trouble, as docs/troubleshooting.md describes it


@tries("Exit status 78.")
@once
def test_env_that_cannot_be_read(service: Service) -> None:
    """A `.env` that the service may not read stops the start with status 78 and its path."""
    service.run("chmod", "600", ENV)
    failed = service.restart(check=False)
    status, said = service.show("ExecMainStatus"), service.journal()
    service.run("chmod", "640", ENV)
    service.restart()

    assert failed.returncode != 0
    assert status == "78"
    assert f"pi-stat: {ENV} cannot be read: Permission denied." in said


@tries('Exit status 1, "Port 8585 is in use".')
@once
def test_port_in_use(service: Service) -> None:
    """Without its port it says so and tries again, until it gets it."""
    with service.drop_in(SOON):
        service.run("systemctl", "stop", UNIT)
        service.run("systemd-run", "--unit=other", "python3", "-m", "http.server", "8585")
        service.until(lambda: service.out("ss", "-ltnH", "sport = :8585"))
        service.restart(check=False)
        service.until(lambda: int(service.show("NRestarts")) > 1)
        assert "pi-stat: Port 8585 is in use by another program" in service.journal()
        assert "python3" in service.out("ss", "-ltnp", "sport = :8585")
        service.run("systemctl", "stop", "other")
        service.until(service.answers)


@tries('Exit status 1, "Cannot listen".')
@once
def test_an_address_that_comes_later(service: Service) -> None:
    """With an address that is not there yet it tries until it is; a port below 1024 it may not take."""
    with service.drop_in(SOON), service.env("PISTAT_HOST=192.0.2.7\n"):
        service.restart(check=False)
        service.until(lambda: int(service.show("NRestarts")) > 1)
        assert "pi-stat: Cannot listen: Cannot assign requested address (PISTAT_HOST 192" in service.journal()
        service.run("ip", "address", "add", "192.0.2.7/32", "dev", "lo")
        service.until(lambda: service.show("StatusText").startswith("Listening on http://192.0.2.7:8585/"))
        service.run("ip", "address", "delete", "192.0.2.7/32", "dev", "lo")
        service.write(ENV, "PISTAT_PORT=80\n")
        service.restart(check=False)
        assert "Cannot listen: Permission denied (PISTAT_HOST 0.0.0.0, PISTAT_PORT 80)" in service.journal()


@tries(
    "Status 217/USER.",
    '"not installed for this Python".',
    "\"No module named 'pistat'\".",
    'Status 203/EXEC, or "can\'t open file".',
)
@once
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("ExecStart=\nExecStart=/nowhere/python /opt/pi-stat/pi_system_monitor.py", "203/EXEC"),
        (
            "ExecStart=\nExecStart=/opt/pi-stat/.venv/bin/python /nowhere/pi_system_monitor.py",
            "can't open file",
        ),
        (
            "ExecStart=\nExecStart=/usr/bin/python3 /opt/pi-stat/pi_system_monitor.py",
            "pi-stat: not installed for this Python: ",
        ),
        (
            "ExecStart=\nExecStart=/opt/pi-stat/.venv/bin/python -I /opt/pi-stat/pi_system_monitor.py",
            "No module named 'pistat'",
        ),
        ("User=nobody-of-that-name", "217/USER"),
    ],
)
def test_trouble(service: Service, change: str, message: str) -> None:
    """What goes wrong with paths, packages and users is in the journal in the words of the document."""
    with service.drop_in(f"[Service]\n{change}\n"):
        since = service.since()
        service.restart(check=False)
        assert message in service.journal(since)


@once
def test_the_program_need_not_be_executable(service: Service) -> None:
    """It is run by Python, so that its own mode does not matter."""
    service.run("chmod", "644", "/opt/pi-stat/pi_system_monitor.py")
    service.restart()
    service.run("chmod", "755", "/opt/pi-stat/pi_system_monitor.py")

    assert service.answers()


@tries(
    "It answers on the Pi, but not from another machine.",
    '403, "is not known as a name of this machine".',
    "429.",
)
@once
def test_settings_that_keep_others_away(service: Service) -> None:
    """The cases of an address, a name and a limit are what they say, and what it says helps."""
    with service.env("PISTAT_HOST=127.0.0.1\n"):
        service.restart()
        assert "Listening on http://127.0.0.1:8585/" in service.show("StatusText")
        with pytest.raises(ConnectionRefusedError):
            service.get("/health")
    refused = service.get("/health", Host="pi.example.org")
    assert (refused.status, "is not known as a name of this machine" in refused.json()["message"]) == (
        403,
        True,
    )
    with service.env("PISTAT_ALLOWED_HOSTS=pi.example.org\nPISTAT_RATE_LIMIT_REQUESTS=2\n"):
        service.restart()
        answers = [service.get("/stats", Host="pi.example.org").status for _ in range(3)]
        assert answers == [200, 200, 429]


@tries(
    '`pip3 install` says "externally-managed-environment".', "`python3 -m venv` fails and names `ensurepip`."
)
@once
def test_pip_and_venv_of_debian(service: Service) -> None:
    """What Debian says of its pip, and of a venv that is missing, is what troubleshooting.md quotes."""
    pip = ["/opt/pi-stat/.venv/bin/pip", "--python", "/usr/bin/python3", "install", "flask"]
    found = service.run(*pip, check=False, PYTHONDONTWRITEBYTECODE="1")
    assert "externally-managed-environment" in found.stderr
    with service.fakes():
        made = ["unshare", "--mount", "sh", "-c", f"{NO_ENSUREPIP}; python3 -m venv /tmp/venv"]
        found = service.run(*made, check=False)
    service.run("rm", "-r", "/tmp/venv")
    assert found.returncode != 0
    assert "ensurepip" in found.stdout + found.stderr


@tries("`gpu`, `power` and `clocks` are `null` on a Raspberry Pi.")
@once
def test_a_firmware_that_is_shut(service: Service, firmware: None) -> None:
    """Outside the group `video` the firmware is not asked, the log says what helps, and that helps."""
    with service.drop_in("[Service]\nEnvironment=LD_PRELOAD=/usr/lib/vcio.so\n"):
        service.run("gpasswd", "--delete", "pi-stat", "video")
        since = service.since()
        service.restart()
        assert service.json("/stats?fields=gpu")["gpu"]["temperature"] is None
        advice = "usermod -aG video pi-stat"
        service.until(lambda: f"`sudo {advice}`, then restart pi-stat." in service.journal(since))
        service.run(*advice.split())
        service.restart()
        assert service.json("/stats?fields=gpu")["gpu"]["temperature"] == 48.3


ELSEWHERE = {
    "401.": "unit/web/test_access_control.py",
    "`/history` begins at the last restart.": "system/history/test_state_directory.py",
    "`/processes` lists only the processes of pi-stat.": "system/test_namespaces.py",
    "`uptime` in a container is not that of the machine.": "system/test_namespaces.py",
}
"""Where below tests/ the other cases are brought about."""

UNTRIED = {
    '`errors` says "the firmware refused to answer" on a Pi 5.',
    "`raspberrypi.local` is not found.",
    "The browser says that it cannot connect.",
    "It opens on the Pi, but not from another machine.",
    "It does not answer over IPv6, or the machine has no IPv4.",
}
"""What only the firmware of a Pi 5 does, or the network of an owner."""


def test_every_case_is_tried() -> None:
    """Each case of trouble that troubleshooting.md describes is one that a test here brings about."""
    cases = re.findall(r"^- \*\*(.*?)\*\*", TROUBLE_PAGE, re.MULTILINE)

    assert sorted(cases) == sorted(TRIED | ELSEWHERE.keys() | UNTRIED)
    assert all((ROOT / "tests" / each).exists() for each in ELSEWHERE.values())


@once
def test_a_tighter_sandbox(service: Service) -> None:
    """Where an owner hides more than it can do without, it serves what is left, and names what is not."""
    tight = "ProtectProc=invisible\nProcSubset=pid\nPrivateUsers=yes\nPrivateTmp=yes\nProtectHome=yes\n"
    with service.drop_in(f"[Service]\n{tight}"):
        service.restart()
        stats = service.json("/stats")
        others = [service.get(each).status for each in ALL]

    assert stats["disk"]["total"] == df(service, "/")["total"]
    assert stats["memory"]["total"] is None
    assert stats["errors"]["memory"] == "could not be read"
    assert set(others) == {200}


# Upgrades


LISTING = f"""
cd /opt/pi-stat
find . ! -name '*.pyc' -printf '%p %M %u %g %l\\n' | sort
find . -type f ! -name '*.pyc' -exec md5sum {{}} + | sort
md5sum /etc/systemd/system/{UNIT}
stat -c '%n %A' /etc/systemd/system/{UNIT}*
id pi-stat
"""


def listing(service: Service) -> str:
    """The user, and every file with mode, owner and, but for what was compiled, content."""
    return service.out("sh", "-ec", LISTING)


def test_the_same_version_again(service: Service) -> None:
    """An upgrade to the version that is there changes nothing but settings that the service may not read."""
    before = listing(service)
    service.run("chown", "root:root", ENV)
    service.run("chmod", "600", ENV)
    # Many a README says to run scripts like that.
    service.run("env", "-C", CLONE, "sh", "install.sh", seconds=300)

    assert service.answers()
    assert listing(service) == before
    assert service.out("ls", "-A", "/opt") == "pi-stat"


@contextlib.contextmanager
def changed(service: Service, changes: Mapping[str, Callable[[str], str]]) -> Iterator[None]:
    """The clone, with changes to files in it."""
    place = service.path / CLONE.lstrip("/")
    for name, change in changes.items():
        file = place / name
        before = file.read_text()
        file.write_text(change(before))
        assert file.read_text() != before
    try:
        yield
    finally:
        service.clone()


VERSION = "pistat/__init__.py"


def newer(text: str) -> str:
    return text.replace(f'"{__version__}"', '"99.0.0"')


def version(service: Service) -> str:
    return service.out("/opt/pi-stat/.venv/bin/python", "/opt/pi-stat/pi_system_monitor.py", "--version")


def test_upgrade(service: Service) -> None:
    """An upgrade serves the new version; settings, with mode and owner, and changes to the unit stay."""
    settings = "# mine\nPISTAT_RATE_LIMIT_REQUESTS=777\n"
    service.run("chown", "pi", ENV)
    service.run("chmod", "660", ENV)
    with (
        service.env(settings),
        service.drop_in("[Service]\nEnvironment=PISTAT_CACHE_SECONDS=7\n"),
        changed(service, {VERSION: newer}),
    ):
        said = service.install().stdout

        assert said.startswith(f"Setting up the Python packages ...\nUpgraded {__version__} to 99.0.0.\n")
        assert version(service) == "pi-stat 99.0.0"
        assert service.out("cat", ENV) == settings.strip()
        assert service.out("stat", "-c", "%U %G %a", ENV) == "pi pi-stat 660"
        assert service.get("/stats").headers["ratelimit-limit"] == "777"
        assert "PISTAT_CACHE_SECONDS=7" in service.show("Environment")


def unable(program: str) -> str:
    """The program, unable to serve."""
    return program.replace("    machine.start_sampling()\n", "    return 5\n")


PRIVATE_OPT = (
    "mount -t tmpfs -o size=28m none /mnt && mkdir /mnt/pi-stat && "
    "mount --bind /opt/pi-stat /mnt/pi-stat && mount --rbind /mnt /opt"
)
"""/opt on a disk of its own, of 28 MB, with the version that runs."""

NO_ENSUREPIP = (
    "echo raise ImportError >/run/fakes/none && for each in /usr/lib/python3*/ensurepip/__init__.py; do "
    "mount --bind /run/fakes/none $each; done"
)

STEPS = {
    "packages": (
        NO_ENSUREPIP,
        {"apt-get": "echo E: Unable to fetch >&2; exit 100"},
        "installing python3-venv",
        "E: Unable to fetch",
    ),
    "user": ("", {"usermod": "echo no lock >&2; exit 1"}, "creating the user pi-stat", "no lock"),
    "read-only disk": ("mount -o bind,ro /opt /opt", {}, "copying the program", "Read-only file system"),
    "full disk": (
        PRIVATE_OPT,
        {"df": "echo Avail; echo 1000"},
        "installing the Python packages",
        "No space left on device",
    ),
    "no network": (
        "mount --bind /dev/null /etc/pip.conf",
        {},
        "installing the Python packages",
        "install.sh: cannot download: is this Pi online?\n",
    ),
    "compiler": ("", {"xargs": "echo no sed >&2; exit 1"}, "compiling the program", "no sed"),
    "mount point": (
        "mount --bind /opt/pi-stat /opt/pi-stat",
        {},
        "putting the new version in place",
        "Device or resource busy",
    ),
}
"""How each step before the switch is made to fail: mounts, programs; its name; what is said."""


def private(made: str) -> tuple[str, ...]:
    """Run install.sh where `made` has been done to the mounts, which nobody else sees."""
    return ("unshare", "--mount", "sh", "-ec", f'{made or "true"}; exec "$0" "$@"', INSTALL)


@once
@pytest.mark.parametrize("step", STEPS)
def test_an_upgrade_that_fails_early(service: Service, step: str) -> None:
    """When a step before the switch fails it is named, and the old version has not even been restarted."""
    made, programs, name, message = STEPS[step]
    before = service.pid, listing(service)
    with changed(service, {VERSION: newer}), service.fakes(**programs):
        failed = service.run(*private(made), check=False, seconds=300, PIP_RETRIES="1")

    assert failed.returncode != 0
    assert message in failed.stderr
    assert f"install.sh: failed while {name}\n" in failed.stderr
    assert f"nothing was changed: {version(service)} is running" in failed.stderr
    assert (service.pid, listing(service)) == before
    assert service.out("ls", "-A", "/opt") == "pi-stat"
    assert service.answers()


def sick(program: str) -> str:
    """The program, unable to tell how it is."""
    return program.replace("    _parameters(routes.HEALTH)\n", "    1 / 0\n")


TERMINATES = 'case "$1" in enable) kill $PPID;; esac; exec /usr/bin/systemctl "$@"'


@once
@pytest.mark.parametrize("how", ["no answer", "signal"])
def test_an_upgrade_that_fails_late(service: Service, how: str) -> None:
    """After the switch, too, the old version comes back, even if there is no terminal any more."""
    before = listing(service)
    with contextlib.ExitStack() as undo:
        undo.enter_context(
            changed(service, {"pi_system_monitor.py": sick} if how == "no answer" else {VERSION: newer})
        )
        if how == "no answer":
            failed = service.install(check=False)
            assert "install.sh: failed while asking the service for a first answer\n" in failed.stderr
            assert f"went back to {version(service)}, which is running" in failed.stderr
        else:
            undo.enter_context(service.fakes(systemctl=TERMINATES))
            gone = ["sh", "-c", '"$0" 2>/dev/full', INSTALL]
            failed = service.run(*gone, check=False, seconds=300)

    assert failed.returncode != 0
    assert listing(service) == before
    assert service.out("ls", "-A", "/opt") == "pi-stat"
    assert service.answers()


NO_ROOM = """
case $4 in *.service) echo half >"$4"; chmod 600 "$4"; echo no room >&2; exit 1;; esac
exec /usr/bin/install "$@"
"""
"""What `install` leaves of the unit on a disk that is full."""


@once
def test_an_upgrade_of_a_service_that_was_stopped(service: Service) -> None:
    """One that its owner has stopped and disabled is so again after an upgrade that has failed."""
    service.run("systemctl", "disable", "--now", UNIT)
    before = listing(service)
    with service.fakes(install=NO_ROOM):
        failed = service.install(check=False)
    found = service.out("systemctl", "is-enabled", UNIT, check=False), service.show("ActiveState")
    service.run("systemctl", "enable", "--now", UNIT)

    assert "no room\ninstall.sh: failed while putting the new version in place" in failed.stderr
    assert f"went back to {version(service)}, which is stopped" in failed.stderr
    assert found == ("disabled", "inactive")
    assert listing(service) == before


@once
def test_an_upgrade_that_the_settings_forbid(service: Service) -> None:
    """When a step fails before the switch it is named, and the old version has not even been restarted."""
    stricter = {"pistat/settings.py": lambda text: text.replace("100_000)", "500)"), VERSION: newer}
    with service.env("PISTAT_RATE_LIMIT_REQUESTS=777\n"):
        before = service.pid, listing(service)
        with changed(service, stricter):
            failed = service.install(check=False)

        assert failed.returncode != 0
        assert "install.sh: failed while checking the settings in /opt/pi-stat/.env" in failed.stderr
        assert 'PISTAT_RATE_LIMIT_REQUESTS is "777"; expected a whole number from 1 to 500.' in failed.stderr
        assert f"nothing was changed: {version(service)} is running" in failed.stderr
        assert (service.pid, listing(service)) == before
        assert service.answers()


def test_an_upgrade_that_does_not_answer(service: Service) -> None:
    """A new version that does not serve is taken back, what it has said is shown, and the old one serves."""
    before = listing(service)
    with changed(service, {"pistat/daemon.py": unable}):
        failed = service.install(check=False)

    assert failed.returncode != 0
    assert "install.sh: failed while starting the service" in failed.stderr
    assert "status=5" in failed.stderr, "the last lines of the log"
    assert f"went back to {version(service)}, which is running" in failed.stderr
    assert listing(service) == before
    assert service.answers()


@once
def test_an_installation_that_was_cut_off(service: Service) -> None:
    """After a power failure in the middle of the switch, the next run finds the old version again."""
    before = listing(service)
    service.run("systemctl", "stop", UNIT)
    service.run("mv", "/opt/pi-stat", "/opt/pi-stat.old")
    service.run("mkdir", "/opt/pi-stat.new")
    with changed(service, {"requirements.txt": lambda text: f"{text}no-such-package\n"}):
        failed = service.install(check=False)
    service.run("systemctl", "start", UNIT)

    assert "No matching distribution found for no-such-package" in failed.stderr
    assert "install.sh: failed while installing the Python packages" in failed.stderr
    assert listing(service) == before
    assert service.out("ls", "-A", "/opt") == "pi-stat"
    assert service.answers()


CLONED = "mount -t tmpfs none /opt; mkdir -p /opt/pi-stat/.git"


@once
@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (("runuser", "-u", "pi", "--", INSTALL), 1, "needs root: sudo ./install.sh"),
        (("runuser", "-u", "pi", "--", INSTALL, "--uninstall"), 1, "root: sudo ./install.sh --uninstall\n"),
        (
            (INSTALL, "--unistall"),
            2,
            '"--unistall" is not an option; expected one of these:\nUsage: sudo ./',
        ),
        (
            ("/run/fakes/install.sh",),
            1,
            "/run/fakes/pi_system_monitor.py is missing: run this in a complete copy",
        ),
        (private("mount --bind /run/fakes /usr/local/sbin"), 1, "Python 3.9.2 is too old"),
        (private("mount -t tmpfs none /run/systemd"), 1, "systemd is not running here"),
        (private(PRIVATE_OPT), 1, "/opt has 28 MB left, and pi-stat needs 50 MB"),
        (private(CLONED), 1, "/opt/pi-stat is a git clone"),
        ((*private(CLONED), "--uninstall"), 1, "/opt/pi-stat is a git clone"),
        (("flock", "/root", INSTALL), 1, "another install.sh is running"),
    ],
    ids=[
        "root",
        "root to uninstall",
        "argument",
        "copy",
        "python",
        "systemd",
        "room",
        "clone",
        "clone kept",
        "lock",
    ],
)
def test_what_it_needs_first(service: Service, command: tuple[str, ...], status: int, message: str) -> None:
    """Where something is missing it says so, and does nothing."""
    before = service.pid, listing(service)
    with service.scripts(python3='echo "Python 3.9.2"; exit 1'):
        service.run("cp", INSTALL, "/run/fakes")
        failed = service.run(*command, check=False)

    assert failed.returncode == status
    assert message in failed.stderr
    assert (service.pid, listing(service)) == before


# The end


def traces(service: Service) -> set[str]:
    """Everything outside of the clone that has the name of the service, on each disk and in memory."""
    places = ("/", "/dev", "/run", "/tmp")
    skip = ["(", "-path", "/home/pi", "-o", "-path", "/proc", "-o", "-path", "/run/host", ")", "-prune"]
    files = service.out("find", *places, "-xdev", *skip, "-o", "-name", "*pi*stat*", "-print")
    accounts = [f"/etc/{each}" for each in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")]
    return {*files.split(), *service.out("grep", "-l", "pi-stat", *accounts, check=False).split()}


def all_files(service: Service) -> set[str]:
    """Everything on the disk, but for the clone and what systemd and the shadow tools keep of their own."""
    skip = ["-path", "/home/pi", "-o", "-path", "/proc", "-o", "-path", "/var/log"]
    skip += [
        "-o",
        "-path",
        "/var/lib/systemd",
        "-o",
        "-path",
        "/etc/*-",
        "-o",
        "-path",
        "/etc/systemd/system.control",
    ]
    return set(service.out("find", "/", "-xdev", "(", *skip, ")", "-prune", "-o", "-print").splitlines())


def test_uninstall(service: Service) -> None:
    """All is removed but the settings, which then are for root alone."""
    service.write(ENV, "PISTAT_PORT=8586\nPISTAT_RATE_LIMIT_REQUESTS=777\n")
    service.run("usermod", "--append", "--groups", "pi-stat", "pi")
    said = service.run("/opt/pi-stat/install.sh", "--uninstall").stdout

    assert f"Your settings are still in {ENV}" in said
    assert traces(service) == {"/opt/pi-stat", "/var/lib/pi-stat"}
    assert service.out("find", "/var/lib/pi-stat", "!", "-user", "root") == ""
    assert service.out("ls", "-A", "/opt/pi-stat") == ".env"
    assert service.out("stat", "-c", "%U %G %a", ENV) == "root root 600"
    assert service.show("LoadState") == "not-found"
    with pytest.raises(ConnectionRefusedError):
        service.get("/health")
    assert service.out("systemctl", "is-system-running") == "running"


def test_purge(service: Service) -> None:
    """A new installation takes up the settings, and tells Avahi; with --purge nothing of it is left."""
    service.run("mkdir", "-p", "/etc/avahi/services")
    before = all_files(service)
    said = service.install().stdout
    assert f"\nOpen http://pi.local:8586/ or http://{ADDRESS}:8586/\n" in said
    assert service.get("/stats", port=8586).headers["ratelimit-limit"] == "777"
    assert service.out("grep", "-c", "<port>8586</port>", f"/etc/avahi/services/{UNIT}") == "2"
    assert service.out("stat", "-c", "%U %G %a", ENV) == "root pi-stat 640"
    service.write(DROP_IN, "[Service]\n")
    for lasting in ((), ("--runtime",)):
        service.run("systemctl", "set-property", *lasting, UNIT, "CPUWeight=50")

    for words in ("pi-stat is removed.", "pi-stat is not installed; nothing was removed."):
        assert service.install("--uninstall", "--purge").stdout == f"{words}\n"
        assert traces(service) == set()
        assert all_files(service) - before == set()


# From here on, the service is not installed.


@once
def test_a_first_installation_that_fails(service: Service) -> None:
    """Where nothing was before, nothing is left; bad settings are named where they were found."""
    service.run("rmdir", "/opt")
    failed = service.install(check=False)
    service.run("mkdir", "/opt")
    assert failed.stderr == "install.sh: there is no /opt: sudo mkdir /opt\n"

    service.write(f"{CLONE}/.env", "PISTAT_PORT\n")
    failed = service.install(check=False)
    assert failed.stderr.startswith(f"pi-stat: {CLONE}/.env line 1 is not understood")
    assert f"install.sh: failed while checking the settings in {CLONE}/.env" in failed.stderr
    assert "nothing was installed" in failed.stderr
    assert traces(service) == set()

    service.write(f"{CLONE}/.env", "")
    with changed(service, {"pistat/daemon.py": unable}):
        failed = service.install(check=False)
    assert "install.sh: failed while starting the service" in failed.stderr
    assert "nothing was installed" in failed.stderr
    assert traces(service) == set()


@once
def test_a_32_bit_system(service: Service) -> None:
    """What PyPI has no wheel of comes from Debian; no group `video` is needed; `.env` is taken along.

    It is only a link, to a file that stays as it is; and the service's group has been left behind.
    """
    service.write("/home/pi/mine", "PISTAT_RATE_LIMIT_REQUESTS=555\n")
    service.run("chown", "pi:pi", "/home/pi/mine")
    service.run("ln", "-sf", "../mine", f"{CLONE}/.env")
    service.run("groupdel", "video")
    service.run("groupadd", "--system", "pi-stat")
    with service.fakes(getconf="echo 32"):
        said = service.install().stdout
    assert "Installing python3-psutil ..." in said
    assert service.get("/stats").headers["ratelimit-limit"] == "555"
    assert service.out("stat", "-c", "%F %U %G %a", ENV) == "regular file root pi-stat 640"
    assert service.out("stat", "-c", "%U %G %a", "/home/pi/mine") == "pi pi 644"
    assert service.out("id", "-Gn", "pi-stat") == "pi-stat"
    library = service.out("/opt/pi-stat/.venv/bin/python", "-c", "import psutil; print(psutil)")
    assert "/usr/lib/python3/dist-packages/" in library

    service.install("--uninstall", "--purge")
    service.run("groupadd", "--system", "video")
    service.clone()


def by_hand(name: str) -> str:
    """A block of docs/service.md."""
    found = re.search(rf"<!-- by hand: {name} -->\n\n```(?:sh)?\n(.*?)```", SERVICE_PAGE, re.DOTALL)
    assert found
    return found[1].replace("sudo ", "")


def test_by_hand(service: Service) -> None:
    """The single steps of service.md install it, and remove it again."""
    service.run("env", "-C", CLONE, "bash", "-euc", by_hand("install"))
    assert service.answers("/stats")
    assert service.out("systemctl", "is-enabled", UNIT) == "enabled"

    service.run("bash", "-euc", by_hand("remove"))
    assert traces(service) == set()


@once
def test_upgrades_by_hand(service: Service) -> None:
    """What was installed by hand is upgraded by the steps of service.md, and by install.sh.

    Whatever the umask, the service alone can read the settings. None tells Avahi of what others cannot reach.
    """
    install = f"umask 077\n{by_hand('install')}"
    service.run("env", "-C", CLONE, "bash", "-euc", install)
    program, _, _ = install.partition("# its user\n")
    with changed(service, {VERSION: newer}):
        service.run("env", "-C", CLONE, "bash", "-euc", program)
    service.restart()
    assert service.answers("/stats")
    assert version(service) == "pi-stat 99.0.0"
    assert service.out("stat", "-c", "%U %G %a", ENV) == "root pi-stat 640"

    service.write(f"/etc/avahi/services/{UNIT}", "")
    service.write(ENV, "PISTAT_HOST=127.0.0.1\n")
    said = service.install().stdout
    assert f"Went back from 99.0.0 to {__version__}.\n" in said
    assert "\nOpen http://127.0.0.1:8585/ on this machine; others cannot reach it.\n" in said
    assert service.out("ls", "/etc/avahi/services") == ""
    service.install("--uninstall", "--purge")
    assert traces(service) == set()


@once
def test_from_a_home(service: Service) -> None:
    """With the lines of service.md, it runs from a home as its owner; install.sh leaves that be."""
    service.run("cp", "-r", CLONE, "/home/pi/pi-stat")
    venv = "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt"
    service.run("env", "-C", "/home/pi/pi-stat", "sh", "-c", venv)
    service.run("chown", "-R", "pi:pi", "/home/pi/pi-stat")
    service.run("cp", f"{CLONE}/pi-stat.service", f"/etc/systemd/system/{UNIT}")
    service.write(DROP_IN, by_hand("home"))
    for action in ("enable", "start"):
        service.run("systemctl", action, UNIT)
    assert service.answers("/stats")
    assert owners(service)[service.pid] == "pi"

    service.write("/home/pi/pi-stat/.env", "PISTAT_RATE_LIMIT_REQUESTS=777\n")
    service.run("systemctl", "reload", UNIT)
    service.until(lambda: service.get("/stats").headers["ratelimit-limit"] == "777")

    with service.fakes(install=NO_ROOM):
        failed = service.install(check=False)
    assert "no room\ninstall.sh: failed while putting the new version in place" in failed.stderr
    assert "nothing was installed" in failed.stderr
    assert service.out("systemctl", "is-enabled", UNIT) == "enabled"
    assert service.answers()
    assert (
        "the service runs another program, because of what `systemctl edit` has added"
        in service.install().stderr
    )
