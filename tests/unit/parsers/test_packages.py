"""Kernels, updates, images of the bootloader."""

from __future__ import annotations

import pytest

from pistat.parsers import packages
from pistat.parsers.packages import Updates


@pytest.mark.parametrize(
    ("running", "installed", "newest"),
    [
        ("6.6.51+rpt-rpi-v8", ["6.6.51+rpt-rpi-v8", "6.12.47+rpt-rpi-v8"], "6.12.47+rpt-rpi-v8"),
        # That of another processor is no newer one.
        ("6.6.51+rpt-rpi-v8", ["6.6.51+rpt-rpi-v8", "6.12.47+rpt-rpi-2712"], "6.6.51+rpt-rpi-v8"),
        ("6.1.0-rpi7-rpi-v8", ["6.1.0-rpi7-rpi-v8", "6.1.0-rpi10-rpi-v8"], "6.1.0-rpi10-rpi-v8"),
        ("6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-31-amd64"], "6.1.0-31-amd64"),
        ("6.12.43+deb13-amd64", ["6.12.48+deb13-amd64", "6.12.48+deb13-rt-amd64"], "6.12.48+deb13-amd64"),
        ("6.8.0-1013-raspi", ["6.8.0-1018-raspi", "6.8.0-48-generic"], "6.8.0-1018-raspi"),
        ("6.1.21-v8+", ["6.1.21-v8+"], "6.1.21-v8+"),
        ("6.6.51+rpt-rpi-v8", [], None),
        ("", ["6.6.51+rpt-rpi-v8"], None),
        ("6" * 5000, ["6" * 5000], None),
    ],
)
def test_the_newest_kernel(running: str, installed: list[str], newest: str | None) -> None:
    assert packages.newest_kernel(installed, running) == newest
    assert newest is None or packages.is_newer(newest, running) == (newest != running)


def test_updates() -> None:
    assert packages.updates('{"pending": 12, "security": 3, "packages": ["curl"], "lists": 1}') == Updates(
        12, 3
    )
    assert packages.updates('{"pending": 12}') == Updates(12, None)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "[]",
            "null",
            "{}",
            '{"pending": true}',
            '{"pending": -1}',
            '{"pending": 1.5}',
            '{"pending": 1e9}',
        ),
        *('{"pending": "12"}', '{"pending": 12', "[" * 100_000),
    ],
)
def test_no_updates(text: str) -> None:
    assert packages.updates(text) is None


def test_package_names() -> None:
    """Each once; what is no name of a package is left out."""
    text = "linux-image-6.12.47+rpt-rpi-v8\nlibc6\nlibc6\n\n<script>\n" + "a" * 500
    assert packages.package_names(text) == ["linux-image-6.12.47+rpt-rpi-v8", "libc6"]


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("", "default"),
        ('FIRMWARE_RELEASE_STATUS="default"\n', "default"),
        ('FIRMWARE_RELEASE_STATUS="latest"\n', "latest"),
        ("# FIRMWARE_RELEASE_STATUS=latest\nFIRMWARE_RELEASE_STATUS=critical\n", "default"),
        ("FIRMWARE_RELEASE_STATUS=../../etc\n", "default"),
    ],
)
def test_the_channel_of_the_bootloader(text: str, channel: str) -> None:
    assert packages.bootloader_channel(text) == channel


def test_the_newest_image() -> None:
    names = ["pieeprom-2023-12-06.bin", "pieeprom-2024-01-15.bin", "recovery.bin", "pieeprom-9999-99-99.bin"]

    assert packages.newest_image(names) == "pieeprom-2024-01-15.bin"
    assert packages.newest_image([]) is None
    assert packages.image_date("pieeprom-2024-01-15.bin") == 1705276800
    assert packages.image_timestamp(b"\0\0BUILD_TIMESTAMP=1705320000\0") == 1705320000
    assert packages.image_timestamp(b"") is None
