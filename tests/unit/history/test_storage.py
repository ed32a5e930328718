"""The state directory: where it is, why there may be none, and that nothing about it harms anybody."""

from __future__ import annotations

import logging
import os
import stat
import threading
from pathlib import Path

import pytest

from pistat.history import storage
from pistat.history.storage import VARIABLE, StateDirectory
from pistat.machine.machine import Machine

ROOT = "27 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return mounted(tmp_path, ROOT)


def mounted(folder: Path, *rows: str, cmdline: str = "") -> Machine:
    """A machine with these mounts."""
    table = folder / "root/proc/self/mountinfo"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("".join(f"{row}\n" for row in rows))
    (folder / "root/proc/cmdline").write_text(cmdline)
    return Machine(str(folder / "root"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


# Where there is none


@pytest.mark.parametrize(
    ("given", "seconds", "save", "reason"),
    [
        (
            None,
            10,
            True,
            "STATE_DIRECTORY is not set: systemd sets it for a unit with StateDirectory=pi-stat.",
        ),
        ("/tmp", 10, False, "PISTAT_HISTORY_SAVE is false."),
        ("/tmp", 0, True, "PISTAT_HISTORY_SECONDS is 0."),
        ("/nowhere", 10, True, '"/nowhere" is not a directory.'),
        ("/etc/passwd", 10, True, '"/etc/passwd" is not a directory.'),
    ],
)
def test_none_is_chosen(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, given: str, seconds: int, save: bool, reason: str
) -> None:
    """Each with its reason, which /capabilities says."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if given:
        monkeypatch.setenv(VARIABLE, given)
    state = StateDirectory.chosen(machine, seconds=seconds, save=save)
    assert state.reason == reason
    assert state.document() == {"history": {"saved": False, "detail": reason}}


def test_of_several_the_first_is_chosen(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, folder: Path
) -> None:
    """As systemd gives them, with colons between them."""
    monkeypatch.setenv(VARIABLE, f"{folder}:/nowhere")
    state = StateDirectory.chosen(machine, seconds=10, save=True)
    assert state.write("file", b"text")
    assert (folder / "file").read_bytes() == b"text"
    assert state.document() == {"history": {"saved": True, "detail": None}}


@pytest.mark.parametrize(
    ("rows", "cmdline", "in_memory"),
    [
        ([ROOT], "", False),
        ([ROOT, "40 27 0:9 / {state} rw - tmpfs tmpfs rw"], "", True),
        (["27 1 0:9 / / rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper/data,workdir=/w"], "", False),
        (
            [
                "27 1 0:9 / / rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper/data,workdir=/w",
                "40 27 0:8 / /upper rw - tmpfs tmpfs rw",
            ],
            "",
            True,
        ),
    ],
)
def test_nothing_is_written_into_memory(
    tmp_path: Path, folder: Path, rows: list[str], cmdline: str, in_memory: bool
) -> None:
    """What would be gone after a reboot is not worth anything: tmpfs, and an overlay over one."""
    machine = mounted(tmp_path, *(row.format(state=folder) for row in rows), cmdline=cmdline)
    state = StateDirectory(str(folder), machine)
    assert state.available != in_memory
    assert state.write("file", b"text") != in_memory
    assert state.append("file", b"text") != in_memory
    assert state.read("file") == (None if in_memory else b"texttext")
    state.set_aside(["file"], "is in a test")
    assert sorted(path.name for path in folder.iterdir()) == ([] if in_memory else ["file.unusable"])


# Files


def test_a_file_is_replaced_as_a_whole(machine: Machine, folder: Path) -> None:
    """It is for its owner alone, and nothing else is left behind; also of what a power cut left."""
    (folder / "file.new").write_bytes(b"half of")
    state = StateDirectory(str(folder), machine)
    for text in (b"first", b"second", b""):
        assert state.write("file", text)
        assert state.read("file") == text
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600


def test_no_link_is_followed(
    machine: Machine, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody who may write there cannot have another file written to."""
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    (folder / "file").symlink_to(target)
    (folder / "other.new").symlink_to(target)
    state = StateDirectory(str(folder), machine)
    assert state.append("file", b"text")
    assert state.write("other", b"text")
    assert target.read_bytes() == b"mine"
    assert (folder / "file").read_bytes() == b"text"
    why = "cannot be written (Too many levels of symbolic links)"
    assert warnings(caplog) == [f"{folder / 'file'} {why}; it was renamed to file.unusable."]


def test_a_file_that_is_too_large_is_read_in_part(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "LARGEST", 10)
    (folder / "file").write_bytes(b"0123456789abcdef")
    assert StateDirectory(str(folder), machine).read("file") == b"0123456789"


def test_what_is_set_aside_is_said_once(
    machine: Machine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = StateDirectory(str(folder), machine)
    (folder / "file").write_bytes(b"foreign")
    state.set_aside(["file"], "is foreign")
    assert (folder / "file.unusable").read_bytes() == b"foreign"
    assert warnings(caplog) == [f"{folder / 'file'} is foreign; it was renamed to file.unusable."]
    for name in ("log.9", "log.10", "log"):
        (folder / name).write_bytes(b"foreign")
    state.set_aside([name for name, _ in state.read_log("log")], "is foreign")
    assert warnings(caplog)[1:] == [
        f"{folder / 'log.9'} is foreign; it was renamed to log.9.unusable, and so were 2 more of its kind."
    ]
    assert [name for name, _ in state.read_log("log")] == ["log"]


def test_a_log_goes_on_in_the_next_file(machine: Machine, folder: Path) -> None:
    """Nothing is written twice, the oldest goes, and what has other names stays."""
    (folder / "log.old").write_bytes(b"mine")
    (folder / "log.1.unusable").write_bytes(b"mine")
    state = StateDirectory(str(folder), machine)
    for number in range(30):
        assert state.append("log", b"%02d" % number, longest=6, keep=2)
        found = list(state.read_log("log"))
        assert len(found) <= 3
        text = b"".join(data or b"" for _, data in found)
        assert text == b"".join(b"%02d" % each for each in range(number + 1))[-len(text) :]
        assert len(text) >= min(2 * number + 2, 14)
    assert [name for name, _ in found] == ["log.8", "log.9", "log"]
    assert {"log.old", "log.1.unusable"} <= {each.name for each in folder.iterdir()}


def test_what_cannot_be_opened_is_set_aside(
    machine: Machine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, the others of its log are read, and what is new can be written."""
    (folder / "log.1").mkdir()
    (folder / "log").write_bytes(b"text")
    state = StateDirectory(str(folder), machine)
    assert list(state.read_log("log")) == [("log.1", b""), ("log", b"text")]
    assert warnings(caplog) == [
        f"{folder / 'log.1'} cannot be read (Is a directory); it was renamed to log.1.unusable."
    ]
    (folder / "other").mkdir()
    assert state.append("other", b"text")
    assert state.read("other") == b"text"
    assert state.document() == {"history": {"saved": True, "detail": None}}


def test_what_cannot_be_set_aside_either_is_trouble(
    machine: Machine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands in its way is not removed."""
    (folder / "file").mkdir()
    (folder / "file.unusable").mkdir()
    (folder / "file.unusable/mine").touch()
    state = StateDirectory(str(folder), machine)
    assert not any(state.append("file", b"text") for _ in range(3))
    assert len(warnings(caplog)) == 1
    detail = f"{folder / 'file'} cannot be written: Is a directory."
    assert state.document() == {"history": {"saved": False, "detail": detail}}
    assert (folder / "file.unusable/mine").exists()


# Trouble


def test_trouble_is_said_once_and_again_when_it_is_over(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line, however often it is tried; /capabilities says it as long as it lasts."""
    caplog.set_level(logging.INFO)
    state = StateDirectory(str(folder), machine)
    said = f"{folder / 'file'} cannot be written: No space left on device."
    with monkeypatch.context() as patch:

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "write", full)
        assert not any(state.append("file", b"text") for _ in range(5))
        assert state.document() == {"history": {"saved": False, "detail": said}}
    assert state.append("file", b"text")
    assert state.document() == {"history": {"saved": True, "detail": None}}
    messages = [each.getMessage() for each in caplog.records]
    assert messages == [f"The history is not saved. {said}", "The history is saved again."]


def test_a_directory_that_goes_is_trouble_and_no_failure(
    machine: Machine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = StateDirectory(str(folder), machine)
    folder.rmdir()
    assert state.read("file") == b""
    assert not state.append("file", b"text")
    assert not state.write("file", b"text")
    assert len(warnings(caplog)) == 1


def test_a_disk_that_hangs_is_waited_for_once(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it is back, nobody waits, and there is one thread that does; what it wrote late is there."""
    monkeypatch.setattr(storage, "SECONDS", 0.2)
    caplog.set_level(logging.INFO)
    back = threading.Event()
    fdatasync, waits = os.fdatasync, []

    def hanging(descriptor: int) -> None:
        waits.append(descriptor)
        back.wait(60.0)
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", hanging)
    state = StateDirectory(str(folder), machine)
    before = threading.active_count()
    assert not any(state.append("file", b"text") for _ in range(20))
    assert len(waits) == 1
    assert threading.active_count() <= before + 1
    assert warnings(caplog) == [
        f"The history is not saved. {folder / 'file'} cannot be written: no answer within 0.2 s."
    ]
    back.set()
    assert any(state.append("file", b"more") for _ in range(1000) if not threading.Event().wait(0.01))
    assert caplog.records[-1].getMessage() == "The history is saved again."
    assert (folder / "file").read_bytes() == b"textmore"
