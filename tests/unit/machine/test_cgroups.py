"""Containers by their cgroups, made by hand: what is read of them, and what becomes of bad ones."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from pistat.machine import cgroups
from pistat.machine.cgroups import Container
from pistat.machine.machine import Machine
from pistat.parsers.containers import Identity
from support.file_tree import machine_of

ID = "3f2a9c0d1e4b" + "0" * 52
DOCKER = f"system.slice/docker-{ID}.scope"
ROOT = "sys/fs/cgroup"


def stat(name: str, start: int, pages: int) -> str:
    """Return a /proc/PID/stat."""
    rest = ["0"] * 30
    rest[0] = "S"
    rest[19], rest[21] = str(start), str(pages)
    return f"1 ({name}) {' '.join(rest)}\n"


def cgroup(path: str, **files: str) -> dict[str, str]:
    """Return the files of a cgroup; `__` in a name stands for a dot."""
    return {f"{ROOT}/{path}/{name.replace('__', '.')}": text for name, text in files.items()}


def machine(root: Path, *trees: Mapping[str, str]) -> Machine:
    files: dict[str, str | bytes | int] = {f"{ROOT}/cgroup.controllers": "cpu\n"}
    for tree in trees:
        files.update(tree)
    return machine_of(root, files)


NGINX = {"proc/70/stat": stat("nginx", 500, 100), "proc/71/stat": stat("nginx: worker", 600, 200)}


def test_a_container(tmp_path: Path) -> None:
    """With the controller on, memory is what `docker stats` shows: without files that would go first."""
    tree = cgroup(
        DOCKER,
        cpu__stat="usage_usec 1500000\nuser_usec 1\n",
        memory__current="8000000\n",
        memory__stat="anon 5\ninactive_file 3000000\n",
        memory__max="16777216\n",
        cgroup__procs="70\n71\n",
    )
    found = cgroups.read(machine(tmp_path, tree, NGINX)).containers

    assert list(found) == [DOCKER]
    container = found[DOCKER]
    assert container.main is not None
    assert (container.main.name, container.main.began) == ("nginx", 5.0)
    assert container == Container(
        Identity("docker", ID[:12], None), 1_500_000, 5_000_000, 16_777_216, "cgroup", 2, container.main
    )


def test_without_the_memory_controller(tmp_path: Path) -> None:
    """As Raspberry Pi OS has it: the resident memory of the processes stands for it, in all its cgroups."""
    tree = cgroup(DOCKER, cpu__stat="usage_usec 7\n", cgroup__procs="70\n")
    inner = cgroup(f"{DOCKER}/init", cpu__stat="usage_usec 7\n", cgroup__procs="71\n")
    here = machine(tmp_path, tree, inner, NGINX)
    container = cgroups.read(here).containers[DOCKER]

    assert container.memory == 300 * here.page_size
    assert (container.memory_source, container.memory_limit, container.processes) == ("rss", None, 2)


def test_what_is_inside_is_part_of_it(tmp_path: Path) -> None:
    """A Docker in an LXC container is no row of its own."""
    outer = cgroup("lxc.payload.web", cpu__stat="usage_usec 7\n", cgroup__procs="")
    inner = cgroup(f"lxc.payload.web/{DOCKER}", cpu__stat="usage_usec 5\n", cgroup__procs="70\n")
    found = cgroups.read(machine(tmp_path, outer, inner, NGINX)).containers

    assert [container.identity.name for container in found.values()] == ["web"]
    assert [container.processes for container in found.values()] == [1]


def test_the_pause_of_a_pod_is_left_out(tmp_path: Path) -> None:
    pod = "kubepods/besteffort/pod1"
    files = {**cgroup(f"{pod}/{ID}", cpu__stat="usage_usec 5\n", cgroup__procs="72\n")}
    files["proc/72/stat"] = stat("pause", 5, 5)

    assert cgroups.read(machine(tmp_path, files)).containers == {}


@pytest.mark.parametrize("text", ["", "usage_usec\n", "usage_usec -3\n", "usage_usec " + "9" * 500, "\0\xff"])
def test_a_cgroup_that_says_nothing(tmp_path: Path, text: str) -> None:
    """It is still a container: nobody knows how much of the CPU it uses, and that is not 0."""
    other = f"docker/{ID}"
    trees = (
        cgroup(DOCKER, cpu__stat=text, cgroup__procs=""),
        cgroup(other, cpu__stat="usage_usec 1\n", cgroup__procs=""),
    )

    table = cgroups.read(machine(tmp_path, *trees))

    assert {path: container.cpu for path, container in table.containers.items()} == {DOCKER: None, other: 1}
    assert cgroups.cpu_percent(DOCKER, table, table._replace(uptime=table.uptime + 1)) is None


def test_files_that_are_missing_or_strange(tmp_path: Path) -> None:
    """What cannot be known of a container is None."""
    tree = cgroup(DOCKER, cpu__stat="usage_usec 1\n", memory__max="max\n", cgroup__procs="0\n0\nx\n99999\n")
    container = cgroups.read(machine(tmp_path, tree)).containers[DOCKER]

    assert (container.memory, container.memory_limit, container.memory_source) == (None, None, None)
    assert container.main is None


def test_version_1(tmp_path: Path) -> None:
    """The trees of version 1 are not taken for containers."""
    files = {"sys/fs/cgroup/memory/docker/cgroup.procs": "", f"sys/fs/cgroup/memory/docker/{ID}/tasks": ""}
    here = machine_of(tmp_path, {**files})

    assert not cgroups.has_version_2(here)
    assert cgroups.read(here).containers == {}


def test_500_containers_some_of_which_vanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends while the others are read is left out."""
    paths = [f"system.slice/docker-{at:064x}.scope" for at in range(500)]
    here = machine(
        tmp_path, *(cgroup(path, cpu__stat="usage_usec 1\n", cgroup__procs="70\n") for path in paths), NGINX
    )
    read = Machine.read

    def ending(self: Machine, path: str, limit: int = 1 << 20) -> str:
        if path.endswith("cpu.stat") and int(path[-19:-15], 16) % 2:
            shutil.rmtree(Path(self.path(path)).parent)
        return read(self, path, limit)

    monkeypatch.setattr(Machine, "read", ending)

    assert list(cgroups.read(here).containers) == paths[::2]


def test_a_tree_too_deep_and_too_wide(tmp_path: Path) -> None:
    """Somebody may make cgroups without end: the search ends."""
    deep = cgroup("/".join(["a"] * 60), cgroup__procs="")
    wide = {name: text for at in range(2500) for name, text in cgroup(f"w{at}/x", cgroup__procs="").items()}

    assert cgroups.read(machine(tmp_path, deep, wide)).containers == {}


def test_names_in_bad_utf_8(tmp_path: Path) -> None:
    tree = cgroup("lxc.payload.\udcff\x1b[31m", cpu__stat="usage_usec 1\n", cgroup__procs="")
    found = cgroups.read(machine(tmp_path, tree)).containers

    assert [container.identity.name for container in found.values()] == ["\udcff\x1b[31m"]


def test_the_share_of_the_cpu(tmp_path: Path) -> None:
    """Of one core, over the interval; None for one that was not there at its beginning or was made anew."""
    older = cgroups.read(
        machine(tmp_path, cgroup(DOCKER, cpu__stat="usage_usec 1000000\n", cgroup__procs=""))
    )._replace(uptime=10.0)
    container = older.containers[DOCKER]
    newer = older._replace(
        uptime=12.0,
        containers={DOCKER: container._replace(cpu=4_000_000), "other": container},
    )

    assert cgroups.cpu_percent(DOCKER, older, newer) == 150.0
    assert cgroups.cpu_percent("other", older, newer) is None
    assert cgroups.cpu_percent(DOCKER, newer, older._replace(uptime=14.0)) is None
    assert cgroups.cpu_percent(DOCKER, older, older) is None
