"""A recording holds what the tests need, and nothing personal."""

from __future__ import annotations

import ast
import ipaddress
import os
import re
import socket
import subprocess
import sys
import threading
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import psutil
import pytest

from boards import record
from boards.build.bcm2711 import PI_4B
from boards.build.folder import write
from pistat.collectors import ALL
from pistat.field import Call, File, Incomplete, Question, places
from pistat.machine import cpu_times, processes
from pistat.machine.firmware import v3d
from pistat.machine.machine import Usage
from support.recorded_machine import BOARDS, RecordedMachine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="records /proc and /sys")

SCRIPT = BOARDS / "record.py"

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
pi:x:1000:1000:,,,:/home/pi:/bin/bash
alice:x:1001:1001:Alice,,,:/home/alice:/bin/bash
dev:x:1002:1002::/home/dev:/bin/bash
"""

MOUNTS = """\
60 21 0:50 / /mnt/films rw - nfs4 10.20.30.40:/export/family rw,clientaddr=10.20.30.41,addr=10.20.30.40
61 21 0:51 / /mnt/office rw - cifs //fileserver.example.org/Secret\\040Plans rw,username=alice,domain=CORP
62 21 0:52 / /home/alice/far rw - fuse.sshfs alice@far.example.org:/srv rw,user_id=1001
63 21 0:53 /family/tree /mnt/again rw - nfs4 10.20.30.40:/export/family ro
64 21 8:17 / /media/alice/Holiday\\040Inn rw shared:44 - vfat /dev/sdb1 rw,uid=1001
65 21 8:18 / /home/dev/disk rw shared:45 - ext4 /dev/mapper/wombat--vg-disk rw
66 21 8:19 / /mnt/PrettyFlyForAWiFi rw shared:46 - ext4 /dev/sdc3 rw
67 21 8:20 / /run/media/pi/stick rw shared:47 - vfat /dev/sdd1 rw
"""

ADDRESSES = """\
2a0100db000100000000000000000005 02 40 00 80     eth0
fe80000000000000ba27ebfffe123456 02 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""

SECRETS = (
    *("wombat", "WOMBAT", "alice", "PrettyFly", "10.20.30.4", "203.0.113.77", "family", "Secret", "CORP"),
    *(
        "example.org",
        "10000000abcdef01",
        "/pi/",
        "/dev/disk",
        "b8:27:eb",
        "b827eb",
        "B8:27",
        "2a01:",
        "2a01",
        "rosebud",
    ),
    *("dc:a6:32", "sidecar", "deadcafe"),
)


def plain(folder: Path) -> str:
    """Names and contents of all files."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    return "\n".join(
        f"{each.relative_to(folder)}\n{each.read_bytes().decode('utf-8', 'replace')}" for each in files
    )


def machine_of(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


PLANTED = {
    "etc/passwd": PASSWD,
    "etc/wpa_supplicant/wpa_supplicant.conf": 'network={\n  ssid="PrettyFlyForAWiFi"\n  psk="rosebud"\n}\n',
    "proc/sys/kernel/hostname": "wombat\n",
    "proc/net/if_inet6": ADDRESSES,
    "sys/class/net/eth0/address": "b8:27:eb:12:34:56\n",
    "sys/class/net/enxb827eb123457/address": "B8:27:EB:12:34:57\n",
    "sys/class/net/wlan0/address": "dc:a6:32:00:11:22\n",
    "sys/class/net/tun0/address": "203.0.113.77\n",
    "sys/class/dmi/id/product_name": "Alice's box WOMBAT 2a01:db:1::5 b8:27:eb:12:34:56\n",
    "sys/class/hwmon/hwmon7/name": "x" * 70_000,
    "sys/block/mmcblk0/device/serial": "0xdeadcafe\n",
}
"""Files that a Raspberry Pi has, some of which are copied."""

ADDED = {
    "proc/net/dev": "enxb827eb123457: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
    "proc/self/mountinfo": MOUNTS,
}
"""Rows at the end of others."""

PROCESSES = {4001: "sidecar", 4002: "wombatd", 4003: "bash"}


@pytest.fixture
def fabricated(tmp_path: Path) -> Path:
    """A Raspberry Pi 4 full of secrets."""
    root = tmp_path / "root"
    write(PI_4B, root)
    for folder in root.rglob("*%3A*"):
        folder.rename(folder.with_name(folder.name.replace("%3A", ":")))
    (root / "usr/bin/vcgencmd").unlink()
    (root / "usr/bin/vcgencmd").symlink_to(BOARDS / "vcgencmd")
    for path, text in PLANTED.items():
        machine_of(root, path, text)
    for path, text in ADDED.items():
        machine_of(root, path, (root / path).read_text() + text)
    for pid, name in PROCESSES.items():
        row = (root / "proc/1/stat").read_text()
        machine_of(root, f"proc/{pid}/stat", row.replace("1 (systemd)", f"{pid} ({name})"))
    return root


@pytest.fixture
def recorded(fabricated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is recorded of it; the owners of processes cannot be planted by an ordinary user."""
    users = {1234: 1001, 4001: 1001, 4003: 1001, 801: 33}
    monkeypatch.setattr(record, "owners", lambda source, pids: {pid: users.get(int(pid), 0) for pid in pids})
    folder = tmp_path / "taken"
    record.record(record.Source(str(fabricated)), folder, sleep=lambda seconds: None)
    return folder


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_recorded(recorded: Path, secret: str) -> None:
    """What was planted is nowhere, neither in a file nor in the name of one."""
    assert secret not in plain(recorded)


def test_no_other_file_is_recorded(fabricated: Path, recorded: Path) -> None:
    """Only files that are named are copied, whatever else there is."""
    top = {each.name for each in recorded.iterdir()}

    assert top == {"proc", "sys", "before", "usr", "vcgencmd.txt", "host.json", "etc"}
    assert not (recorded / "sys/block/mmcblk0/device/serial").exists()


def test_the_same_is_replaced_by_the_same(recorded: Path) -> None:
    """An address or a share that occurs twice is recognised in its replacement."""
    mountinfo = (recorded / "proc/self/mountinfo").read_text()
    product = (recorded / "sys/class/dmi/id/product_name").read_text()

    assert mountinfo.count(" - nfs4 192.0.2.255:/share") == 3
    assert len(set(re.findall(r" - nfs4 (\S+)", mountinfo))) == 2
    assert (recorded / "sys/class/net/eth0/address").read_text().strip() in product
    assert " - cifs //192.0.2.255/share" in mountinfo
    assert " - fuse.sshfs user@192.0.2.255:/share" in mountinfo
    assert " /home/user1001/far " in mountinfo
    assert " /media/user1001/Holiday\\040Inn " in mountinfo
    assert " /home/user1002/disk " in mountinfo
    assert " /dev/mmcblk0p2 " in mountinfo


def test_renamed_interface_is_the_same_everywhere(recorded: Path) -> None:
    """An interface that is named after its address is found under its new name."""
    [name] = [each.name for each in (recorded / "sys/class/net").iterdir() if each.name.startswith("enx")]

    assert name.startswith("enx00005e0053")
    assert f"{name}: 1 1" in (recorded / "proc/net/dev").read_text()
    assert name[3:] == (recorded / f"sys/class/net/{name}/address").read_text().strip().replace(":", "")


def test_addresses_keep_their_kind(recorded: Path) -> None:
    """Netmasks, loopback and link-local addresses stay what they are."""
    addresses = RecordedMachine(recorded).facts["addresses"]

    assert addresses == {
        "eth0": [
            ["2001:db8::1", "ffff:ffff:ffff:ffff::"],
            ["fe80::1%eth0", "ffff:ffff:ffff:ffff::"],
        ],
        "lo": [["::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]],
    }


def test_programs_of_people_lose_their_names(recorded: Path) -> None:
    """Of what a person runs only usual names stay; those of the system lose the name of the host."""
    table = processes.read(RecordedMachine(recorded)).processes

    assert {pid: table[pid].name for pid in (1, 801, 1234, 4001, 4002, 4003)} == {
        1: "systemd",
        801: "caf\ufffd \ufffd",
        1234: "python3",
        4001: "user-process",
        4002: "hostd",
        4003: "bash",
    }


def test_people_have_numbers_for_names(recorded: Path) -> None:
    """Users of the system keep their names."""
    machine = RecordedMachine(recorded)

    assert [machine.user_name(uid) for uid in (0, 33, 1001, 4711)] == ["root", "www-data", "user1001", "4711"]


def test_board_is_recognised(recorded: Path) -> None:
    """What is not personal is as before: the model, the firmware and its answers, the devices."""
    machine = RecordedMachine(recorded)
    values = {each.name: each.collect(machine) for each in ALL}
    hardware = values["hardware"]["hardware"]  # type: ignore[index]

    assert (hardware["model"], hardware["revision"]) == ("Raspberry Pi 4 Model B Rev 1.4", "d03114")
    assert (hardware["serial"], hardware["usb_devices"]) == (None, 3)
    assert hardware["firmware"] == "Sep 3 2020 13:11:43"
    assert values["power"]["power"]["under_voltage_since_boot"] is True  # type: ignore[index]
    assert (recorded / "proc/stat").read_bytes() == (BOARDS / "pi4b-8gb/proc/stat").read_bytes()


def test_transcript_is_that_of_the_firmware(recorded: Path) -> None:
    """Each question stands in the transcript with what was answered, a failure with its exit status."""
    transcript = (recorded / "vcgencmd.txt").read_text()
    unknown = 'vc_gencmd_read_response returned -1\nerror=1 error_msg="Command not registered"\n[exit 255]\n'

    assert "$ vcgencmd get_throttled\nthrottled=0x50000\n" in transcript
    assert f"$ vcgencmd pmic_read_adc\n{unknown}" in transcript
    assert "(clean) (release) (start)" in transcript
    assert transcript.count("$ vcgencmd ") == len(record.QUESTIONS)


def test_what_the_figures_are_read_from_is_recorded() -> None:
    """Each file that a field names as its source is copied, and each question that one names is asked."""
    tables = {"/etc/fstab", "/proc/PID/stat", "/proc/stat", "/proc/self/mountinfo"}
    tables |= {"/proc/net/route", "/proc/net/ipv6_route"}
    # Of these the names or the times count, or they are of the programs that people run.
    tables |= {"/boot", "/lib/firmware/raspberrypi/bootloader*/*/pieeprom-*.bin", "/var/lib/dpkg/info"}
    tables |= {"/var/lib/apt/lists", "/var/lib/apt/periodic/update-success-stamp"}
    tables |= {
        "/run/chrony",
        "/run/chronyd.pid",
        "/run/ntpd.pid",
        "/run/ntpsec",
        "/run/pi-stat/containers.json",
    }
    tables |= {"/sys/fs/cgroup/cgroup.controllers"}
    tables |= {f"/sys/fs/cgroup/**/{name}" for name in ("cgroup.procs", "cpu.stat")}
    tables |= {f"/sys/fs/cgroup/**/memory.{name}" for name in ("current", "max", "stat")}
    sources = [
        source
        for collector in ALL
        for source in (*(leaf.source for leaf in collector.fields), *collector.finds)
    ]
    read = {place for source in sources for place in places(source)}
    shown = {place.shown_in for place in read if isinstance(place, Call) and place.shown_in}
    files = {place.path for place in read | shown if isinstance(place, File)} - tables

    for path in files:
        name = path.strip("/").replace("*", "0")
        copied = any(
            fnmatch(name, wanted) or wanted.replace("*", "0").startswith(f"{name}/")
            for wanted in record.FILES
        )
        assert copied, path
    asked = {place.text for place in read if isinstance(place, Question)}
    assert asked <= set(record.QUESTIONS)
    assert len(set(record.QUESTIONS)) == len(record.QUESTIONS)


def test_long_file_is_cut(recorded: Path) -> None:
    """No file is larger than the limit."""
    assert (recorded / "sys/class/hwmon/hwmon7/name").stat().st_size == record.LIMIT


def test_file_that_cannot_be_read_is_recorded_so(fabricated: Path, tmp_path: Path) -> None:
    """An error that the kernel gives in place of a file is given again; that of no other file is told."""
    for path in ("sys/class/net/enxb827eb123457/speed", "etc/NetworkManager/system-connections/PrettyFly"):
        (fabricated / path).unlink(missing_ok=True)
        (fabricated / path).mkdir(parents=True)
    folder = tmp_path / "taken"
    record.record(record.Source(str(fabricated)), folder, sleep=lambda seconds: None)
    machine = RecordedMachine(folder)
    [path] = machine.facts["unreadable"]

    assert path.startswith("/sys/class/net/enx00005e0053")
    with pytest.raises(IsADirectoryError):
        machine.read(path)


def test_silent_firmware_is_asked_no_further(fabricated: Path, tmp_path: Path) -> None:
    """After a question without an answer no other is asked, and the transcript says so."""
    program = tmp_path / "vcgencmd"
    program.write_text('#!/bin/sh\n[ "$*" = measure_temp ] && echo "temp=40.0\'C" && exit\nexec sleep 60\n')
    program.chmod(0o755)
    hide = record.hidden(record.Source(str(fabricated)))

    assert record.transcript(str(program), hide, seconds=0.5) == (
        "$ vcgencmd measure_temp\ntemp=40.0'C\n$ vcgencmd measure_clock arm\n[hang]\n"
    )


def test_replacement_is_never_what_the_machine_has(fabricated: Path, tmp_path: Path) -> None:
    """On a machine whose own addresses are those kept for documentation, others stand for them."""
    own = ("192.0.2.1", "2001:db8::1", "fe80::1", "00:00:5e:00:53:01", "192.0.2.255")
    machine_of(fabricated, "proc/net/fib_trie", "  |-- 192.0.2.1\n      /32 host LOCAL\n  |-- 192.0.2.255\n")
    machine_of(fabricated, "sys/class/net/eth0/address", "00:00:5e:00:53:01\n")
    machine_of(fabricated, "sys/class/net/tun0/address", "192.0.2.1\n")
    rows = [ipaddress.ip_address(each).packed.hex() for each in ("2001:db8::1", "fe80::1")]
    machine_of(fabricated, "proc/net/if_inet6", "".join(f"{row} 02 40 00 80 eth0\n" for row in rows))
    folder = tmp_path / "taken"
    record.record(record.Source(str(fabricated)), folder, sleep=lambda seconds: None)
    text = plain(folder)

    assert [each for each in own if re.search(rf"(?<![\w.:]){each}(?![\w.:])", text)] == []
    assert RecordedMachine(folder).facts["addresses"]["eth0"] == [
        ["2001:db8::3", "ffff:ffff:ffff:ffff::"],
        ["fe80::2%eth0", "ffff:ffff:ffff:ffff::"],
    ]
    assert (folder / "sys/class/net/tun0/address").read_text() == "192.0.2.2\n"
    assert " - nfs4 198.51.100.255:/share1 " in text


def test_no_two_addresses_become_the_same() -> None:
    """However many there are, each has a replacement of its own, and none is replaced by itself."""
    hide = record.Hidden()
    originals = [
        f"{network}.{number}" for network in ("10.0.0", "192.0.2", "10.0.1") for number in range(256)
    ]
    replaced = hide.text(" ".join(originals)).split()

    assert len(set(replaced)) == len(originals)
    assert set(replaced).isdisjoint(originals)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.168.1.20 and 192.168.1.21 and 192.168.1.20", "192.0.2.1 and 192.0.2.2 and 192.0.2.1"),
        ("127.0.0.1 0.0.0.0 255.255.255.0", "127.0.0.1 0.0.0.0 255.255.255.0"),
        ("fe80::ba27:ebff:fe12:3456%eth0", "fe80::1%eth0"),
        ("[2a01:db::7]:80 ::1 ::", "[2001:db8::1]:80 ::1 ::"),
        ("B8-27-EB-12-34-56 b8:27:eb:12:34:56", "00:00:5e:00:53:01 00:00:5e:00:53:01"),
        ("00:00:00:00:00:00 ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00 ff:ff:ff:ff:ff:ff"),
        ("80:00:02:08:fe:80:00:00:00:00:00:00:b8:27", "00:00:5e:00:53:01"),
        ("2026/05/26 16:01:25", "2026/05/26 16:01:25"),
        ("Feb 16 2021 13:23:36", "Feb 16 2021 13:23:36"),
        ("1.2.3 and 1.2.3.4.5 and 300.1.1.1", "1.2.3 and 1.2.3.4.5 and 300.1.1.1"),
        ("Raspberry Pi, a pi, a pie, /home/pi", "Raspberry Pi, a user1000, a pie, /home/user1000"),
        ("/dev/sda1 /home/dev/x /media/dev", "/dev/sda1 /home/user1002/x /media/user1002"),
        ("marvin MARVIN marvins-disk", "host host hosts-disk"),
        ("raspberrypi,4-model-b", "raspberrypi,4-model-b"),
    ],
)
def test_hides(text: str, expected: str) -> None:
    """Addresses and names are replaced, and what only looks alike is not."""
    hide = record.Hidden()
    hide.word("marvin", "host")
    hide.word("raspberrypi", "host")
    hide.person("pi", "user1000")
    hide.person("dev", "user1002")

    assert hide.text(text) == expected


def test_filesystem_that_hangs_is_recorded_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead server does not stop the recording."""
    server = threading.Event()

    def never(path: bytes) -> None:
        server.wait(10)
        raise OSError

    monkeypatch.setattr(os, "statvfs", never)

    assert record.size("/mnt", seconds=0.05) == {"error": "hangs"}

    server.set()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of this machine, made as an owner would make it."""
    into = tmp_path_factory.mktemp("boards")
    finished = subprocess.run(
        [sys.executable, SCRIPT, "this-one", "--into", into],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert "Look through it" in finished.stdout
    return into / "this-one"


def test_recording_of_this_machine_loads(live: Path) -> None:
    """The folder is in the form that the tests read."""
    machine = RecordedMachine(live)
    failed = [each.name for each in ALL if isinstance(each.collect(machine), Incomplete)]

    assert failed == []
    assert machine.cores == len(cpu_times.read(machine).times) - 1
    assert 0 < len(processes.read(machine).processes) <= record.PROCESSES
    assert isinstance(machine.usage("/"), Usage)


def test_recording_of_this_machine_tells_nothing(live: Path) -> None:
    """Neither the name of the host nor an address nor a serial number of it is anywhere in the folder."""
    source = record.Source("")
    words = {
        *record.host_names(source),
        *record.serials(source),
        *record.people(source),
        socket.gethostname(),
    }
    addresses = [each for found in psutil.net_if_addrs().values() for each in found]
    private = {each.address.partition("%")[0] for each in addresses if is_private(each.address)}
    text = plain(live)

    assert [
        each for each in words - record.RESERVED - {""} if re.search(rf"\b{re.escape(each)}\b", text)
    ] == []
    assert [each for each in private if re.search(rf"(?<![\w.:]){re.escape(each)}(?![\w.:])", text)] == []
    hardware = re.findall(r"(?i)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", text)
    assert [each for each in hardware if is_private(each) and not each.startswith("00:00:5e:00:53:")] == []


def is_private(address: str) -> bool:
    """Whether an address, IP or hardware, is one of those to be replaced."""
    return not re.fullmatch(r"127\..*|::1|[0f:]+", address.partition("%")[0])


def test_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    """A name that is taken is refused, and the folder left as it is."""
    (tmp_path / "mine").mkdir()
    finished = subprocess.run(
        [sys.executable, SCRIPT, "mine", "--into", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert finished.returncode == 2
    assert "exists" in finished.stderr
    assert list((tmp_path / "mine").iterdir()) == []


def test_needs_nothing_but_an_old_python() -> None:
    """It runs on Python 3.9 with the standard library alone, as there is nothing else on a Pi."""
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 9))
    imports = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        )
    }

    assert imports <= sys.stdlib_module_names


NEEDED = {
    "sys/class/hwmon/hwmon9/name": "nct6775\n",
    "sys/class/hwmon/hwmon9/temp2_input": "127000\n",
    "sys/class/hwmon/hwmon9/temp2_fault": "1\n",
    "sys/class/hwmon/hwmon9/fan1_input": "1200\n",
    "sys/class/hwmon/hwmon9/fan1_fault": "1\n",
    "sys/block/md_home/size": "800000\n",
    "sys/block/md_home/dev": "9:127\n",
    "sys/block/md_home/slaves/mmcblk0p2/dev": "179:2\n",
    "sys/bus/usb/devices/1-0:1.0/usb1-port2/over_current_count": "3\n",
    "proc/pressure/io": "some avg10=1.50 avg60=2.50 avg300=0.00 total=5\n",
    "sys/fs/ext4/mmcblk0p2/errors_count": "4\n",
    "sys/fs/ext4/mmcblk0p2/first_error_time": "1700000000\n",
    "sys/fs/ext4/mmcblk0p2/lifetime_write_kbytes": "2048\n",
    "sys/fs/ext4/mmcblk0p2/session_write_kbytes": "1024\n",
    "sys/class/drm/card0/device/gpu_stats": "queue\ttimestamp\tjobs\truntime\nbin\t1000\t1\t10\n",
}
"""What readings of some machines hang on, and that of no others."""


def test_what_some_machines_need_is_recorded(fabricated: Path, tmp_path: Path) -> None:
    """Faults, what stands on what, over-current, pressure, errors of ext4, the 3D block: as they are."""
    for path, text in NEEDED.items():
        machine_of(fabricated, path, text)
    folder = tmp_path / "taken"
    record.record(record.Source(str(fabricated)), folder, sleep=lambda seconds: None)
    machine = RecordedMachine(folder)
    values: dict[str, Any] = {}
    for collector in ALL:
        reading = collector.collect(machine)
        values |= reading.values if isinstance(reading, Incomplete) else reading

    assert {path: machine.read(f"/{path}") for path in NEEDED} == NEEDED
    assert values["temperatures"]["nct6775"]["temperature"] is None
    assert values["fans"]["nct6775"]["rpm"] is None
    assert "md_home" not in values["disks"]
    assert values["disks"]["mmcblk0"]["errors"] == 4
    assert values["disks"]["mmcblk0"]["written_total"] == 2048 * 1024
    assert values["usb_ports"]["usb1-port2"]["over_current"] == 3
    assert values["pressure"]["io"]["some_avg60"] == 2.5
    assert v3d.has_queues(machine)
