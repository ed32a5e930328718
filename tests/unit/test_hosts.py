"""How others on the network reach this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from pistat import hosts


@pytest.mark.parametrize(
    ("name", "avahi", "expected"),
    [
        ("Pi-Kitchen.example.org", False, ["pi-kitchen", "198.51.100.7"]),
        ("pi-kitchen", True, ["pi-kitchen.local", "198.51.100.7"]),
        ("localhost", True, ["198.51.100.7"]),
        ("", False, ["198.51.100.7"]),
    ],
)
def test_name_and_address(
    name: str, avahi: bool, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name, below .local where Avahi answers for it, then the address of the default route."""
    monkeypatch.setattr(hosts, "AVAHI", str(tmp_path if avahi else tmp_path / "absent"))
    monkeypatch.setattr(hosts, "_routed_address", lambda: ["198.51.100.7"])

    assert hosts.reachable(name) == expected


def test_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a route and a name, `localhost` is left; an address that stands for all is never shown."""
    monkeypatch.setattr(hosts, "ROUTED", {})

    assert hosts.reachable("localhost") == ["localhost"]
    assert hosts.reachable("pi") == ["pi"]


def test_the_address_is_one_of_this_machine() -> None:
    """What the kernel names as the source of a route to the Internet can be bound; there may be none."""
    assert not set(hosts.reachable("pi")) & {"0.0.0.0", "[::]", "127.0.0.1"}
