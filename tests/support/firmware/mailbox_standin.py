"""A stand-in for the firmware's device: a library that answers a program's ioctl, and what it answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[1] / "native" / "mailbox_standin.c"

OK, PARSE_ERROR = 0x8000_0000, 0x8000_0001
"""Status of an answered message."""

UNKNOWN = 0xFFFF_FFFF
"""Return code for a question that the firmware does not know."""


class Asked(NamedTuple):
    """One call: which device, the number of the request, all bytes of the message."""

    node: str
    number: int
    message: bytes


def possible() -> bool:
    """Whether the library can be built and preloaded here."""
    return sys.platform == "linux" and shutil.which("gcc") is not None


def build(folder: Path) -> Path:
    """The library, compiled into `folder`, every warning an error."""
    library = folder / "standin.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def words(*numbers: int) -> bytes:
    """Words of 32 bits, as this machine has them in memory."""
    return b"".join(each.to_bytes(4, sys.byteorder) for each in numbers)


def request(question: str, room: int = 4096) -> bytes:
    """The message that vcgencmd sends, byte for byte, with zeros where it leaves what was in memory."""
    text = question.encode()
    total = 4 * 6 + room + 4
    head = words(total, 0, 0x0003_0080, room, 0, 0)
    return head + text + bytes(total - len(head) - len(text))


def response(
    text: str | bytes,
    code: int = 0,
    *,
    status: int = OK,
    length: int | None = None,
    room: int = 4096,
    nul: bytes = b"\0",
) -> bytes:
    """The first bytes of a message as the firmware gives it back; what follows stays as it was sent."""
    said = text.encode() if isinstance(text, str) else text
    if length is None:
        length = OK | len(said) + 5
    return words(4 * 6 + room + 4, status, 0x0003_0080, room, length, code) + said + nul


class StandIn:
    """What is in the place of /dev and answers.

    Args:
        folder: Where it is kept; readable for everybody who shall ask.
        library: What `build` has made.

    Attributes:
        environment: Variables for a program that shall see it.
    """

    def __init__(self, folder: Path, library: Path) -> None:
        self.folder = folder
        self.environment = {"LD_PRELOAD": str(library), "VCIO_LAB": str(folder)}
        for each in ("dev", "replies", "usr/bin"):
            (folder / each).mkdir(parents=True)
        for each in ("requests", "overlaps", "forks"):
            self.write(each, "", 0o666)

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        """A file of the stand-in, put in place in one piece; it may hide one of this machine."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_bytes(content.encode() if isinstance(content, str) else content)
        new.chmod(mode)
        new.replace(path)
        return path

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def node(self, name: str = "vcio_gencmd", mode: int = 0o660) -> Path:
        """A device; it is ours, so others may open it only with the mode for that."""
        return self.write(f"dev/{name}", "", mode)

    def reply(self, question: str, message: bytes) -> None:
        """What `question` is answered with; without a reply, it is refused with EINVAL."""
        self.write(f"replies/{question}", message)

    def replies(self, texts: dict[str, str]) -> None:
        """What these questions are answered with; the others are unknown."""
        for question, text in texts.items():
            self.reply(question, response(text))
        self.write("otherwise", response('error=1 error_msg="Command not registered"', UNKNOWN))

    def refuse(self, code: int | None, what: int | str | None = None) -> None:
        """Let calls fail with an errno: all, those of one size, or those on one device; None ends that."""
        name = "errno" if what is None else f"errno-{what}"
        if code is None:
            self.remove(name)
        else:
            self.write(name, str(code))

    def hang(self) -> None:
        """Let no call come back until `go_on`."""
        self.write("hang", "")

    def go_on(self) -> None:
        self.remove("hang")

    def delay(self, milliseconds: int) -> None:
        """Let every call take so long."""
        self.write("delay", str(milliseconds))

    @property
    def asked(self) -> list[Asked]:
        """Every call so far."""
        data = (self.folder / "requests").read_bytes()
        found: list[Asked] = []
        while data:
            head, _, rest = data.partition(b"\n")
            node, number, size = head.decode().split()
            found.append(Asked(node, int(number, 16), rest[: int(size)]))
            data = rest[int(size) :]
        return found

    @property
    def questions(self) -> list[str]:
        """The text of every call so far."""
        return [each.message[24:].partition(b"\0")[0].decode() for each in self.asked]

    @property
    def overlapped(self) -> bool:
        """Whether two calls were ever under way at once."""
        return (self.folder / "overlaps").stat().st_size > 0

    @property
    def forks(self) -> int:
        """How many processes those who see the stand-in have begun."""
        return len((self.folder / "forks").read_text().splitlines())

    def program(self, script: str) -> None:
        """A vcgencmd; `forks` counts its starts."""
        self.write("usr/bin/vcgencmd", f"#!/bin/sh\n{script}\n", 0o755)

    def board(self, model: str) -> None:
        """Make it a Raspberry Pi."""
        self.write("proc/device-tree/model", f"{model}\0")
