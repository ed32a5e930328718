"""The Debian package, from its build to its purge, under the systemd of Debian 12 and 13.

Each test finds the package installed and the service running, and leaves it so; those at the end remove it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pistat import __version__
from support import systemd_container as container
from support.programs.debian_package import NEXT, build, package
from support.systemd_container import BOOKWORM, EMULATED, ROOT, TRIXIE, Container, Debian

if TYPE_CHECKING:
    from support.require import Require

SETTINGS = "/etc/default/pi-stat"
TOKEN = "a-token-that-is-long-enough"


# What is in it


def test_the_same_commit_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """A second build, elsewhere, of a clone of the same commit, makes the same package."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", folder / "tree-now", clone], check=True)

    again = build(clone, tmp_path / "again")

    assert again.read_bytes() == package(folder).read_bytes()


def test_changes_that_are_not_committed_stop_a_build(folder: Path, tmp_path: Path) -> None:
    """A package is made of a commit, and of nothing else."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", folder / "tree-now", clone], check=True)
    (clone / "left over").touch()

    found = container.run(str(clone / "packaging/build"), str(tmp_path / "none"), check=False)

    assert found.returncode == 1
    assert "not committed" in found.stderr
    assert not list((tmp_path / "none").glob("*"))


def test_lintian_has_nothing_to_say(folder: Path) -> None:
    """No error and no warning but those that an override gives the reason for."""
    found = container.run("lintian", "--allow-root", str(package(folder)), check=False)

    assert found.stdout.strip() == ""
    assert found.returncode == 0


def test_each_vendored_library_has_its_licence() -> None:
    """debian/copyright names every library that packaging/vendor.txt brings."""
    rows = (ROOT / "packaging/vendor.txt").read_text().splitlines()
    names = [row.partition("==")[0] for row in rows if "==" in row]
    declared = (ROOT / "packaging/debian/copyright").read_text()

    assert len(names) >= 14
    for name in names:
        stem = {"python-dotenv": "dotenv", "paho-mqtt": "paho"}.get(name, name.replace("-", "_"))
        assert re.search(rf"^Files: vendor/{stem}[/*]", declared, re.MULTILINE), name


def test_each_requirement_is_vendored_or_of_debian() -> None:
    """Whatever requirements.txt names comes from vendor.txt or is a dependency of the package."""
    vendored = (ROOT / "packaging/vendor.txt").read_text()
    control = (ROOT / "packaging/debian/control").read_text()
    for row in (ROOT / "requirements.txt").read_text().splitlines():
        name = re.split(r"[>=<;\[ ]", row)[0]
        if name and not name.startswith("#"):
            assert f"\n{name}==" in vendored or f"python3-{name}" in control, name


def test_the_unit_is_that_of_install_sh(folder: Path, tmp_path: Path) -> None:
    """But for the paths in its command lines, and comments, both ways to install have the same unit."""
    subprocess.run(["dpkg-deb", "--extract", package(folder), tmp_path], check=True)
    packaged = (tmp_path / "lib/systemd/system/pi-stat.service").read_text()
    known = (ROOT / "pi-stat.service").read_text()

    def directives(unit: str) -> list[str]:
        return [line for line in unit.splitlines() if line and not line.startswith("#")]

    moved = [
        line.replace("/opt/pi-stat/.venv/bin/python /opt/pi-stat/", "/usr/bin/python3 /usr/lib/pi-stat/")
        for line in directives(known)
    ]
    assert directives(packaged) == moved
    assert "/opt/" not in packaged


def test_the_conffile_never_changes(folder: Path, tmp_path: Path) -> None:
    """Apt would ask its owner about a changed default: so it holds nothing that a version could change."""
    subprocess.run(["dpkg-deb", "--extract", package(folder, "next"), tmp_path], check=True)
    text = (tmp_path / "etc/default/pi-stat").read_text()

    assert text == (ROOT / "packaging/debian/pi-stat.default").read_text()
    assert not [line for line in text.splitlines() if line and not line.startswith("#")]
    assert __version__ not in text


def test_the_manual_names_each_option(tmp_path: Path) -> None:
    """The manual page and `--help` have the same options."""
    page = (ROOT / "packaging/debian/pi-stat.8").read_text().replace("\\-", "-")
    said = container.run(sys.executable, str(ROOT / "pi_system_monitor.py"), "--help").stdout

    options = set(re.findall(r"(--[a-z-]+)", said))
    assert options
    assert options <= set(re.findall(r"(--[a-z-]+)", page))


# Its life


class Machine(Container):
    """A machine with the packages in a folder, and what the package depends on in its cache.

    Qemu-user cannot make namespaces of IPC and of the network: these two lines of the sandboxes are left out.

    Attributes:
        said: What apt said when it installed the package.
        seconds: From the call of apt to the first answer.
    """

    def __init__(self, debian: Debian, folder: Path) -> None:
        super().__init__(debian, {"/packages": folder, "/wheels": container.wheels(debian)})
        try:
            if debian.architecture:
                self.write(
                    "/etc/systemd/system/service.d/qemu.conf", "[Service]\nPrivateIPC=no\nPrivateNetwork=no\n"
                )
                self.run("systemctl", "daemon-reload")
            self.write("/etc/pip.conf", "[global]\nno-index = yes\nfind-links = /wheels\n")
            self.said, self.seconds = self.install_first()
        except BaseException:
            self.remove()
            raise

    def install_first(self) -> tuple[str, float]:
        began = time.monotonic()
        said = self.apt("install", self.package())
        self.until(self.answers)
        return said, time.monotonic() - began

    def package(self, name: str = "now") -> str:
        """The path of a package in it."""
        return self.out("sh", "-c", f"echo /packages/{name}/*.deb")

    def apt(self, *arguments: str, check: bool = True) -> str:
        """Run apt-get as somebody at a terminal does who can't answer; return all that it said."""
        found = self.run(
            "apt-get",
            "--yes",
            "--no-install-recommends",
            *arguments,
            check=check,
            seconds=300,
            DEBIAN_FRONTEND="readline",
        )
        return found.stdout + found.stderr

    def until(self, true: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait for something."""
        end = time.monotonic() + seconds * self.time_factor
        while not true():
            assert time.monotonic() < end, self.out("journalctl", "--no-pager", "-n", "60", check=False)
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return self.get("/health", timeout=5 * self.time_factor).status == 200
        except OSError:
            return False

    def show(self, name: str, unit: str = "pi-stat.service") -> str:
        return self.out("systemctl", "show", "--property", name, "--value", unit)

    def installed(self) -> str:
        return self.out("dpkg-query", "--show", "--showformat", "${Version}", "pi-stat", check=False)


MACHINES = (BOOKWORM, TRIXIE, *(replace(BOOKWORM, architecture=name) for name in EMULATED))
"""All that the package can be walked on. Qemu-user 7.2 cannot start a service of the systemd of Debian 13."""

NAMED = os.environ.get("PACKAGE_MACHINES", "bookworm trixie").split()
"""Those that are; tests/package/run_arm names those of Arm."""

WALKED = [machine for machine in MACHINES if machine.name in NAMED]


@pytest.fixture(scope="module", params=WALKED, ids=lambda debian: debian.name)
def machine(request: pytest.FixtureRequest, require: Require, folder: Path) -> Iterator[Machine]:
    """A machine on which the package is installed, from a file and without a network."""
    require(container.possible(), "root, systemd-nspawn and mmdebstrap")
    machine = Machine(request.param, folder)
    yield machine
    machine.remove()


def test_it_answers_after_apt_install(machine: Machine) -> None:
    """One command, no question, no network: the service runs, and will after the next boot."""
    assert machine.get("/stats").json()["system"]["hostname"] == "pi"
    assert machine.out("systemctl", "is-enabled", "pi-stat.service") == "enabled"
    assert machine.show("User") == "pi-stat"
    assert "[Y/n]" not in machine.said
    print(f"{machine.seconds:.1f} s from apt to the first answer; {size(machine)}")


def size(machine: Machine) -> str:
    """What the package takes, for whoever reads the output of the test."""
    installed = machine.out("dpkg-query", "--show", "--showformat", "${Installed-Size}", "pi-stat")
    used = machine.out("du", "-sk", "/usr/lib/pi-stat").split()[0]
    status = machine.out("cat", f"/proc/{machine.show('MainPID')}/status")
    resident = re.search(r"VmRSS:\s*(\d+)", status)
    assert resident is not None
    return f"{installed} kB installed, {used} kB with byte code, {int(resident[1]) / 1024:.1f} MiB resident"


def test_the_command(machine: Machine) -> None:
    """`pi-stat` is on the PATH and checks the settings of the package."""
    assert machine.out("pi-stat", "--version").endswith(__version__)
    assert machine.run("pi-stat", "--check", check=False).returncode == 0


def test_the_settings_are_for_root_and_the_service(machine: Machine) -> None:
    """They may hold a token: nobody else can read them."""
    assert machine.out("stat", "--format", "%a %U:%G", SETTINGS) == "640 root:pi-stat"
    conffiles = machine.out("dpkg-query", "--show", "--showformat", "${Conffiles}", "pi-stat")
    assert f"{SETTINGS} " in conffiles


def test_its_libraries_are_its_own(machine: Machine) -> None:
    """The service imports the vendored flask; another program on the machine finds none of it."""
    assert machine.run("python3", "-c", "import waitress", check=False).returncode == 1
    assert "/usr/bin/python3" in machine.out("cat", f"/proc/{machine.show('MainPID')}/cmdline")


def test_the_score_of_the_sandbox(machine: Machine) -> None:
    """Systemd rates it like that of install.sh."""
    said = machine.out("systemd-analyze", "security", "--no-pager", "pi-stat.service", check=False)
    score = re.search(r"Overall exposure level for pi-stat.service: ([0-9.]+)", said)

    assert score is not None
    assert float(score[1]) <= 1.7


def test_an_upgrade_keeps_the_settings(machine: Machine) -> None:
    """The newer version runs with the settings of before, and apt does not ask about them."""
    machine.write(SETTINGS, "PISTAT_CACHE_SECONDS=7\n")
    machine.run("systemctl", "reload", "pi-stat")

    said = machine.apt("install", machine.package("next"))

    machine.until(machine.answers)
    assert machine.installed() == NEXT
    assert machine.out("pi-stat", "--version").endswith(NEXT)
    assert "PISTAT_CACHE_SECONDS=7" in machine.out("cat", SETTINGS)
    assert machine.out("stat", "--format", "%a %U:%G", SETTINGS) == "640 root:pi-stat"
    assert "conffile" not in said.lower()


def test_a_downgrade_is_refused_or_clean(machine: Machine) -> None:
    """Apt refuses it unless it is told to; then the older version runs, with the same settings."""
    refused = machine.run("apt-get", "--yes", "install", machine.package(), check=False)
    assert refused.returncode != 0
    assert machine.installed() == NEXT

    machine.apt("--allow-downgrades", "install", machine.package())

    machine.until(machine.answers)
    assert machine.installed() == __version__
    assert "PISTAT_CACHE_SECONDS=7" in machine.out("cat", SETTINGS)


# Pending updates, and the repository


KEY = """
%no-protection
Key-Type: eddsa
Key-Curve: ed25519
Name-Real: test
Name-Email: test@example.org
Expire-Date: 0
%commit
"""


@pytest.fixture(scope="module")
def repository(folder: Path) -> Path:
    """A signed repository that offers the next version, made by packaging/repository."""
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}
    subprocess.run(
        ["gpg", "--batch", "--generate-key"],
        input=KEY,
        env=environment,
        text=True,
        check=True,
        capture_output=True,
    )
    command = [
        str(ROOT / "packaging/repository"),
        "test@example.org",
        str(folder / "next"),
        str(folder / "repository"),
        "http://127.0.0.1:8000",
    ]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return folder / "repository"


def updates(machine: Machine) -> Any:
    """What the helper has written; None while there is nothing."""
    found = machine.run("cat", "/run/pi-stat/updates.json", check=False)
    return json.loads(found.stdout) if found.returncode == 0 else None


def test_apt_installs_from_the_repository(machine: Machine, repository: Path) -> None:
    """With the key in Signed-By apt takes the next version over http; the helper counts it meanwhile."""
    machine.until(lambda: updates(machine))
    assert updates(machine)["pending"] == 0
    machine.run(
        "systemd-run", "--unit=web", "python3", "-m", "http.server", "-d", "/packages/repository", "8000"
    )
    machine.write("/etc/apt/keyrings/pi-stat.asc", (repository / "pi-stat.asc").read_text())
    machine.write("/etc/apt/sources.list.d/pi-stat.sources", (repository / "pi-stat.sources").read_text())
    fetch = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/pi-stat.asc')"
    machine.until(lambda: machine.run("python3", "-c", fetch, check=False).returncode == 0)
    only = ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", "APT::Get::List-Cleanup=0"]

    said = machine.apt(*only, "update")
    assert "W:" not in said
    machine.until(lambda: (updates(machine) or {}).get("pending") == 1, 90)
    assert updates(machine)["packages"] == ["pi-stat"]
    assert machine.get("/stats?cache=false").status == 200

    machine.apt("install", "pi-stat")

    assert machine.installed() == NEXT
    machine.until(machine.answers)
    machine.until(lambda: (updates(machine) or {}).get("pending") == 0, 90)


def test_the_helper_can_be_turned_off(machine: Machine) -> None:
    """One command, and nothing of it runs any more, not after an upgrade either."""
    machine.run("systemctl", "disable", "--now", "pi-stat-updates.path")
    # One that has begun before goes on to its end.
    machine.until(lambda: machine.show("ActiveState", "pi-stat-updates.service") == "inactive")
    machine.run("touch", "/run/pi-stat/apt-has-run")

    time.sleep(0.5)

    assert machine.out("ls", "/run/pi-stat/apt-has-run")
    assert machine.show("ActiveState", "pi-stat-updates.service") == "inactive"
    machine.apt("--reinstall", "install", machine.package("next"))
    assert machine.show("ActiveState", "pi-stat-updates.path") == "inactive"
    machine.run("systemctl", "enable", "--now", "pi-stat-updates.path")


def test_the_sandbox_of_the_helper(machine: Machine) -> None:
    """It runs as root without a network, a capability or a place to write but its own."""
    said = machine.out("systemd-analyze", "security", "--no-pager", "pi-stat-updates.service", check=False)
    score = re.search(r"Overall exposure level for pi-stat-updates.service: ([0-9.]+)", said)

    assert score is not None
    assert float(score[1]) <= 2.5


# Its end


def remains(machine: Machine) -> list[str]:
    """Every file whose name tells of pi-stat, but those that a test has put there."""
    places = ["/etc", "/usr", "/lib", "/opt", "/var", "/run", "/home", "/root"]
    found = machine.out("find", *places, "-xdev", "-name", "*pi-stat*", check=False).splitlines()
    ours = ("/etc/apt/sources.list.d/", "/etc/apt/keyrings/", "/var/lib/apt/lists/", "/var/cache/apt/")
    return [path for path in found if not path.startswith(ours)]


def test_remove_keeps_the_settings(machine: Machine) -> None:
    """After `apt remove` nothing runs; an installation later has its settings again."""
    machine.apt("remove", "pi-stat")

    assert not machine.answers()
    assert "PISTAT_CACHE_SECONDS=7" in machine.out("cat", SETTINGS)
    assert not (machine.path / "usr/lib/pi-stat").exists()

    machine.apt("install", machine.package())
    machine.until(machine.answers)
    assert "PISTAT_CACHE_SECONDS=7" in machine.out("cat", SETTINGS)


def test_purge_leaves_nothing(machine: Machine) -> None:
    """No file, no user, no unit."""
    machine.apt("purge", "pi-stat")

    assert remains(machine) == []
    assert machine.run("getent", "passwd", "pi-stat", check=False).returncode != 0
    assert machine.out("systemctl", "list-unit-files", "--no-legend", "pi-stat*", check=False) == ""


def test_an_installation_by_install_sh_is_taken_over(machine: Machine, folder: Path) -> None:
    """Its settings are those of the package then, and nothing of it is left; the service runs on."""
    shutil.copytree(
        folder / "tree-now", machine.path / "home/clone", ignore=shutil.ignore_patterns(".git", "tests")
    )
    machine.run("chmod", "-R", "a+rX", "/home/clone")
    machine.run("/home/clone/install.sh", seconds=300)
    machine.write("/opt/pi-stat/.env", f"PISTAT_CACHE_SECONDS=5\nPISTAT_API_TOKEN={TOKEN}\n")
    machine.run("systemctl", "reload", "pi-stat")

    said = machine.apt("install", machine.package())

    machine.until(machine.answers)
    assert "taking over" in said
    assert machine.get("/stats").status == 401
    assert machine.get("/stats", Authorization=f"Bearer {TOKEN}").status == 200
    assert machine.out("stat", "--format", "%a %U:%G", SETTINGS) == "640 root:pi-stat"
    assert not (machine.path / "opt/pi-stat").exists()
    assert not (machine.path / "etc/systemd/system/pi-stat.service").exists()
    assert machine.show("FragmentPath").endswith("/lib/systemd/system/pi-stat.service")
    machine.apt("purge", "pi-stat")
