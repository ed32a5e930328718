"""The script that answers in place of vcgencmd."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.recorded_machine import BOARDS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")

TRANSCRIPT = """\
anything before the first question is a remark
$ vcgencmd measure_temp
temp=46.6'C \n\
$ vcgencmd measure_volts core
volt=0.8563V
$ vcgencmd measure_volts
volt=1.2000V
$ vcgencmd version
Mar 17 2023 10:50:56
Copyright (c) 2012
  two blanks, a backslash \\n and % are left alone
$ vcgencmd get_config str

$ vcgencmd silent
$ vcgencmd denied
Can't open device file: /dev/vcio_gencmd
[exit 255]
$ vcgencmd long
vc_gencmd_read_response returned -1

[stderr] gencmd length too long : 4095
[exit 255]
$ vcgencmd stuck
[hang]
$ vcgencmd -t "x"
odd\targuments
$ vcgencmd
usage
"""

DEFAULT = 'vc_gencmd_read_response returned -1\nerror=1 error_msg="Command not registered"\n'


@pytest.fixture
def board(tmp_path: Path) -> Path:
    (tmp_path / "vcgencmd.txt").write_text(TRANSCRIPT)
    link = tmp_path / "usr/bin/vcgencmd"
    link.parent.mkdir(parents=True)
    link.symlink_to(BOARDS / "vcgencmd")
    return tmp_path


def ask(board: Path, *arguments: str, seconds: float = 10.0) -> tuple[int, str, str]:
    """Exit status and outputs, as the daemon gets them."""
    finished = subprocess.run(
        [board / "usr/bin/vcgencmd", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        cwd="/",
    )
    return finished.returncode, finished.stdout, finished.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "stdout", "stderr"),
    [
        (["measure_temp"], 0, "temp=46.6'C \n", ""),
        (["measure_volts", "core"], 0, "volt=0.8563V\n", ""),
        (["measure_volts core"], 0, "volt=0.8563V\n", ""),
        (["measure_volts"], 0, "volt=1.2000V\n", ""),
        (
            ["version"],
            0,
            "Mar 17 2023 10:50:56\nCopyright (c) 2012\n  two blanks, a backslash \\n and % are left alone\n",
            "",
        ),
        (["get_config", "str"], 0, "\n", ""),
        (["silent"], 0, "", ""),
        (["denied"], 255, "Can't open device file: /dev/vcio_gencmd\n", ""),
        (["long"], 255, "vc_gencmd_read_response returned -1\n\n", "gencmd length too long : 4095\n"),
        (["-t", '"x"'], 0, "odd\targuments\n", ""),
        ([], 0, "usage\n", ""),
        (["unheard_of"], 255, DEFAULT, ""),
        (["measure_volts", "sdram_c"], 255, DEFAULT, ""),
        (["measure.temp"], 255, DEFAULT, ""),
        (["a\\nb"], 255, DEFAULT, ""),
    ],
)
def test_answers_as_the_transcript_says(
    board: Path, arguments: list[str], status: int, stdout: str, stderr: str
) -> None:
    """Output, exit status and standard error are those of the transcript, to the byte."""
    assert (status, stdout, stderr) == ask(board, *arguments)


def test_hangs_where_the_transcript_does(board: Path) -> None:
    """A question that got no answer gets none."""
    with pytest.raises(subprocess.TimeoutExpired):
        ask(board, "stuck", seconds=0.3)


def test_notes_its_arguments_where_there_is_a_log(board: Path) -> None:
    """Each call is a line of calls.log if there is one, and makes none if there is not."""
    log = board / "calls.log"
    ask(board, "get_throttled")

    assert not log.exists()

    log.write_text("")
    ask(board, "measure_clock", "arm")
    ask(board, "measure_temp")

    assert log.read_text() == "measure_clock arm\nmeasure_temp\n"
