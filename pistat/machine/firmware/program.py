"""The program vcgencmd: a process for each question. See client.py for when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pistat.parsers.vcgencmd import Category, classify

if TYPE_CHECKING:
    from pistat.machine.host import Host

CANDIDATES = ("/usr/bin/vcgencmd", "/opt/vc/bin/vcgencmd")
"""Where it is installed; the second place is that of images before 2020."""


class Program:
    """The program, which is looked for again while there is none."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def find(self) -> str | None:
        """Return its absolute path; None where it is not installed.

        Raises:
            PermissionError: It may not be executed.
        """
        return self._host.memo.forever("vcgencmd", lambda: self._host.executable(CANDIDATES))

    def ask(self, path: str, question: str, seconds: float) -> tuple[Category, str]:
        """Return what came of the question, and the text of the reply.

        Raises:
            TimeoutError: It did not end in time, or an earlier one cannot even be killed.
            OSError: It could not be started.
        """
        finished = self._host.run([path, *question.split()], seconds)
        # The exit status alone says nothing: vcgencmd exits with 0 even when the kernel refuses its call.
        return classify(finished.status, finished.stdout, finished.stderr), finished.stdout
