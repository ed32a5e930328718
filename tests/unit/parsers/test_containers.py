"""Which cgroups are containers."""

from __future__ import annotations

import pytest

from pistat.parsers import containers
from pistat.parsers.containers import Identity

ID = "3f2a9c0d1e4b" + "0" * 52
SHORT = ID[:12]


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        (f"system.slice/docker-{ID}.scope", Identity("docker", SHORT, None)),
        (f"docker/{ID}", Identity("docker", SHORT, None)),
        (f"machine.slice/libpod-{ID}.scope", Identity("podman", SHORT, None)),
        (f"libpod_parent/libpod-{ID}", Identity("podman", SHORT, None)),
        (
            f"user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
            Identity("podman", SHORT, None),
        ),
        (f"system.slice/my\\x2dweb.service/libpod-payload-{ID}", Identity("podman", SHORT, "my-web")),
        (
            f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{ID}.scope",
            Identity("kubernetes", SHORT, None),
        ),
        (f"kubepods/besteffort/pod1/{ID}", Identity("kubernetes", SHORT, None)),
        (f"system.slice/nerdctl-{ID}.scope", Identity("containerd", SHORT, None)),
        ("lxc.payload.web", Identity("lxc", None, "web")),
        ("lxc/web", Identity("lxc", None, "web")),
        ("machine.slice/systemd-nspawn@a\\x2db.service", Identity("systemd-nspawn", None, "a-b")),
        ("machine.slice/machine-web.scope", Identity("systemd-nspawn", None, "web")),
        ("machine.slice/machine-qemu\\x2d1\\x2dvm.scope", None),
        ("machine.slice/machine-lxc\\x2d1\\x2dweb.scope", Identity("lxc", None, "lxc-1-web")),
        (f"machine.slice/libpod-conmon-{ID}.scope", None),
        ("lxc.monitor.web", None),
        ("system.slice/docker.service", None),
        ("system.slice/docker-3f2a9c.scope", None),
        (f"system.slice/{ID}", None),
        ("user.slice/machine-web.scope", None),
        ("", None),
        ("/" * 5000, None),
    ],
)
def test_what_a_cgroup_is(path: str, identity: Identity | None) -> None:
    assert containers.identify(path) == identity


def test_names() -> None:
    assert containers.names(f'{{"{ID}": "web", "short": "x", "{ID[::-1]}": 7}}') == {SHORT: "web"}


@pytest.mark.parametrize("text", ["", "[]", "null", '{"a": ', "[" * 100_000])
def test_no_names(text: str) -> None:
    assert containers.names(text) == {}
