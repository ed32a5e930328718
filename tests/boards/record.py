"""Records the machine it runs on as a board: `python3 tests/boards/record.py NAME`.

It needs nothing but Python 3.9 and takes a few seconds. It copies the files that are named in FILES and the
rows of processes and mounts; it notes what vcgencmd answers to QUESTIONS and how full the filesystems are.

Serial numbers become zeros. Hardware and IP addresses become others from the ranges for documentation, the
same one always the same, and none that this machine itself has or mentions. The names of the host, of Wi-Fi
networks, people and file servers are replaced, and those of the programs that people run. Nothing leaves the
machine; look through the folder before sharing it.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import ipaddress
import itertools
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent

FILES = (
    *(f"proc/{each}" for each in ("cpuinfo", "diskstats", "loadavg", "meminfo", "uptime")),
    *(f"proc/net/{each}" for each in ("dev", "snmp", "wireless")),
    *(f"proc/device-tree/{each}" for each in ("model", "serial-number", "compatible")),
    "proc/device-tree/system/linux,revision",
    *(f"proc/device-tree/chosen/bootloader/{each}" for each in ("*timestamp", "boot?mode", "*rsts")),
    *(
        f"proc/device-tree/chosen/power/{each}"
        for each in ("max_current", "usb_*", "power_reset", "reset_event")
    ),
    "proc/device-tree/chosen/rpi-sdram-size-gbit",
    *(f"sys/class/thermal/thermal_zone*/trip_point_*_{each}" for each in ("type", "temp", "hyst")),
    *(f"sys/class/thermal/thermal_zone*/{each}" for each in ("type", "temp")),
    *(
        f"sys/class/hwmon/hwmon*/{each}"
        for each in ("name", "temp*_input", "temp*_label", "temp*_crit", "temp*_max", "temp*_fault")
    ),
    *(f"sys/class/hwmon/hwmon*/{each}" for each in ("in*_input", "in*_label", "in*_lcrit_alarm")),
    *(
        f"sys/class/hwmon/hwmon*/{each}"
        for each in ("fan*_input", "fan*_label", "fan*_fault", "pwm[0-9]", "pwm[0-9]_enable")
    ),
    *(f"sys/devices/system/cpu/cpufreq/policy*/scaling_{each}_freq" for each in ("cur", "min", "max")),
    "sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
    *(
        f"sys/class/net/*/{each}"
        for each in ("address", "mtu", "speed", "operstate", "flags", "carrier", "type")
    ),
    *(f"sys/class/net/*/{each}" for each in ("phy80211/name", "wireless/status", "device/uevent")),
    *(f"sys/block/*/{each}" for each in ("size", "removable", "ro", "stat", "dev", "*/dev", "dm/name")),
    *("sys/block/*/slaves/*/dev", "sys/dev/block/*/uevent"),
    *(f"sys/block/*/device/{each}" for each in ("type", "name", "model", "vendor", "manfid", "date")),
    *(f"sys/block/*/device/{each}" for each in ("life_time", "pre_eol_info")),
    *(f"sys/block/*/device/{each}/temp1_input" for each in ("hwmon*", "hwmon/hwmon*")),
    *(f"sys/block/*/device/{each}/temp1_fault" for each in ("hwmon*", "hwmon/hwmon*")),
    *(f"sys/bus/usb/devices/*/{each}" for each in ("bDeviceClass", "bInterfaceClass")),
    *(f"sys/bus/usb/devices/*/{each}" for each in ("idVendor", "idProduct")),
    *(f"sys/block/*/device/{each}" for each in ("ioerr_cnt", "state")),
    *(f"sys/block/*/device/{each}/temp1_alarm" for each in ("hwmon*", "hwmon/hwmon*")),
    "sys/class/net/*/uevent",
    "sys/bus/usb/devices/*/*-port*/over_current_count",
    "sys/class/drm/card*/device/gpu_stats",
    *(f"sys/class/power_supply/*/{each}" for each in ("type", "scope", "online", "status", "capacity")),
    *(f"sys/class/power_supply/*/{each}_now" for each in ("voltage", "current")),
    *(f"sys/fs/ext4/*/{each}" for each in ("errors_count", "first_error_time", "last_error_time")),
    *(f"sys/fs/ext4/*/{each}_write_kbytes" for each in ("lifetime", "session")),
    *("proc/vmstat", "proc/pressure/cpu", "proc/pressure/io", "proc/pressure/memory"),
    *("run/reboot-required", "run/reboot-required.pkgs", "run/systemd/timesync/synchronized"),
    *("etc/default/rpi-eeprom-update", "run/pi-stat/updates.json"),
    *("etc/os-release", "usr/lib/os-release"),
    *(f"sys/class/dmi/id/{each}" for each in ("sys_vendor", "product_name")),
)

FIXED = ("proc/stat", "proc/diskstats", "proc/loadavg", "proc/meminfo", "proc/uptime", "proc/net/snmp")
"""Files of numbers and of words of the kernel's own, which a host of the same name must not spoil."""

CLOCKS = (
    *("arm", "core", "v3d", "sdram", "h264", "hevc", "isp"),
    *("uart", "pwm", "emmc", "pixel", "vec", "hdmi", "dpi"),
)
QUESTIONS = (
    "measure_temp",
    *(f"measure_clock {each}" for each in CLOCKS),
    "measure_clock",
    "measure_volts",
    *(f"measure_volts {each}" for each in ("core", "sdram_c", "sdram_i", "sdram_p")),
    "get_mem arm",
    "get_mem gpu",
    "get_config total_mem",
    "get_throttled",
    "version",
    "bootloader_version",
    "get_rsts",
    "read_ring_osc",
    "measure_temp pmic",
    "pmic_read_adc",
)
VCGENCMD = ("usr/bin/vcgencmd", "opt/vc/bin/vcgencmd")

LIMIT = 65536
WHOLE = 1 << 24
"""Bytes of a file that are recorded at most, and that are looked through for addresses."""

PROCESSES = 40
OLDEST = 10
"""How many of the processes are those with the lowest numbers; the others are the busiest."""

PEOPLE = 1000
NOBODY = 65534
PROGRAMS = frozenset(
    {
        *("apache2", "bash", "chromium", "dash", "dbus-daemon", "docker", "firefox", "gunicorn"),
        *("htop", "kodi", "labwc", "lighttpd", "mosquitto", "nginx", "node", "pipewire", "pulseaudio"),
        *("python", "python3", "redis", "screen", "sh", "ssh", "sshd", "ssh-agent", "(sd-pam)", "sudo"),
        *("systemd", "tmux", "top", "vlc", "wayfire", "wireplumber", "Xorg", "Xwayland", "zsh"),
    }
)
"""What people may run without its name being replaced."""

RESERVED = frozenset(
    {
        *("bin", "boot", "data", "debian", "dev", "docker", "ext4", "etc", "home", "lib", "linux"),
        *("localhost", "media", "mnt", "opt", "overlay", "proc", "raspberry", "raspberrypi", "root"),
        *("run", "server", "share", "snap", "srv", "sys", "systemd", "tmp", "tmpfs", "ubuntu", "user"),
        *("usr", "var", "wlan0", "eth0"),
    }
)
"""Names that stand everywhere: that of a host stays, that of a person goes where a home is meant."""

PSEUDO = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs"),
        *("efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "ramfs", "rpc_pipefs"),
        *("securityfs", "selinuxfs", "sysfs", "tmpfs", "tracefs"),
    }
)
"""Filesystems that hold no files: nobody asks how full they are."""

REMOTE = frozenset(
    {
        *("9p", "afs", "ceph", "cifs", "davfs", "glusterfs"),
        *("lustre", "nfs", "nfs4", "smb3", "smbfs", "virtiofs"),
    }
)

NEXT = """\
Recorded in {folder}.
 1. Look through it: names of interfaces, of mount points and of programs may still tell something about you.
 2. Run `pytest tests/boards/test_golden.py --update`, which writes {folder}/expected,
    and compare what is in there with what your machine says.
 3. Add a line to CHANGELOG.md and open a pull request.
"""


def note(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, file=sys.stderr)


def text_of(data: bytes) -> str:
    """Bytes as text that turns into the same bytes again."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """The bytes that `text_of` was given."""
    return text.encode("utf-8", "surrogateescape")


class Hidden:
    """Replaces what is personal in a text, the same by the same each time."""

    HARDWARE = re.compile(r"(?i)(?<![0-9a-f:-])(?:[0-9a-f]{2}[:-]){5,}[0-9a-f]{2}(?![0-9a-f:-])")
    IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
    IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?![0-9A-Za-z:])")

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._homes: dict[str, str] = {}
        self._seen: set[str] = set()
        self._candidates = {kind: candidates() for kind, candidates in CANDIDATES.items()}
        self._replacements: dict[str, dict[str, str]] = {kind: {} for kind in CANDIDATES}

    def see(self, text: str) -> None:
        """Never give out an address of `text` as a replacement: it would look like one that was left in."""
        self._seen.update(_hardware_form(found) for found in self.HARDWARE.findall(text))
        self._seen.update(filter(None, map(_ip_form, self.IPV6.findall(text) + self.IPV4.findall(text))))

    def replacement(self, kind: str, value: str) -> str:
        """The replacement of `value`: the next of its kind that is nowhere on this machine."""
        known = self._replacements[kind]
        if value not in known:
            known[value] = next(each for each in self._candidates[kind] if each not in self._seen)
        return known[value]

    def word(self, word: str, instead: str) -> None:
        """Replace a word wherever it stands."""
        if word and word not in RESERVED:
            self._words.update(dict.fromkeys((word, word.lower(), word.upper()), instead))

    def person(self, name: str, instead: str) -> None:
        """Replace the name of a person; one that is a usual word only where a home is meant."""
        self._homes[name] = instead
        self.word(name, instead)

    def hardware_address(self, address: str) -> None:
        """Replace an address also where it is written without colons, as in the name of an interface."""
        plain = address.replace(":", "").replace("-", "")
        if re.fullmatch(r"[0-9A-Fa-f]{12,}", plain) and plain.strip("0"):
            self.word(plain, self._hardware(address).replace(":", ""))

    def name(self, text: str) -> str:
        """`text` without known words; for names of files, in which numbers with dots are no addresses."""
        for person, instead in self._homes.items():
            text = re.sub(
                rf"((?:^|/)(?:home|media)/){re.escape(person)}(?=[/\s]|$)", rf"\g<1>{instead}", text
            )
        for word in sorted(self._words, key=len, reverse=True):
            # A short one may be a part of any word.
            edges = (r"(?<![0-9A-Za-z_])", r"(?![0-9A-Za-z_])") if len(word) < 5 else ("", "")
            text = re.sub(re.escape(word).join(edges), self._words[word], text)
        return text

    def text(self, text: str) -> str:
        """`text` without known words and without addresses."""
        self.see(text)
        text = self.HARDWARE.sub(lambda found: self._hardware(found[0]), self.name(text))
        text = self.IPV6.sub(lambda found: self.address(found[0]), text)
        return self.IPV4.sub(lambda found: self.address(found[0]), text)

    def address(self, text: str) -> str:
        """An IP address in place of `text`, or `text` if it is none, or one that says nothing."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return text
        if address.is_loopback or address.is_unspecified or address.is_multicast or text.startswith("255."):
            return text
        if address.version == 4:
            return self.replacement("IPv4", str(address))
        return self.replacement("link-local" if address.is_link_local else "IPv6", str(address))

    def _hardware(self, address: str) -> str:
        if not address.strip("0:-") or not address.lower().strip("f:-"):
            return address
        return self.replacement("hardware", _hardware_form(address))


def _hardware_form(address: str) -> str:
    return address.lower().replace("-", ":")


def _ip_form(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _hardware_addresses() -> Iterator[str]:
    """The range for documentation, then those that are assigned locally."""
    yield from (f"00:00:5e:00:53:{number:02x}" for number in range(1, 256))
    yield from (f"02:00:5e:00:{number >> 8:02x}:{number & 255:02x}" for number in range(1 << 16))


def _ipv4_addresses() -> Iterator[str]:
    """The ranges for documentation, then that for benchmarks."""
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"):
        yield from map(str, ipaddress.IPv4Network(network).hosts())


CANDIDATES: dict[str, Callable[[], Iterator[str]]] = {
    "hardware": _hardware_addresses,
    "IPv4": _ipv4_addresses,
    "IPv6": lambda: (f"2001:db8::{number:x}" for number in range(1, 1 << 16)),
    "link-local": lambda: (f"fe80::{number:x}" for number in range(1, 1 << 16)),
    "file server": lambda: (
        f"{network}.255" for network in ("192.0.2", "198.51.100", "203.0.113", "198.19.255")
    ),
    "share": lambda: (f"share{number}" for number in itertools.count(1)),
}
"""What may stand for what is personal, in the order in which it is taken."""


class Source:
    """The machine below `root`.

    Attributes:
        unreadable: What was there but could not be read, with the name of the error.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self.unreadable: dict[str, str] = {}

    def path(self, path: str) -> str:
        """Where the file is."""
        return f"{self.root}/{path}"

    def read(self, path: str, limit: int = LIMIT) -> bytes | None:
        """What a file holds, cut to `limit`; None, and a note, if it cannot be read."""
        try:
            with Path(self.path(path)).open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            if error.errno != errno.ENOENT:
                if path not in self.unreadable:
                    note(f"skipped {path}: {error.strerror}")
                self.unreadable[path] = errno.errorcode.get(error.errno or 0, "EIO")
            return None
        if len(data) > limit:
            note(f"cut {path} to {limit} bytes")
            # At the end of a line, as the half of one may not be understood.
            data = data[: data.rfind(b"\n", 0, limit) + 1] or data[:limit]
        return data

    def text(self, path: str, limit: int = LIMIT) -> str:
        """The same as text; empty if there is none."""
        return text_of(self.read(path, limit) or b"")

    def find(self, pattern: str) -> list[str]:
        """The files that a pattern means, sorted."""
        root = Path(self.root or "/")
        return sorted(str(each.relative_to(root)) for each in root.glob(pattern))


# Who and where this is


def hidden(source: Source) -> Hidden:
    """Knows what is personal on the machine."""
    hide = Hidden()
    for text in mentioned(source):
        hide.see(text)
    for name in host_names(source):
        hide.word(name, "host")
    for serial in serials(source):
        hide.word(serial, "0" * len(serial))
    for path in source.find("sys/class/net/*/address"):
        hide.hardware_address(source.text(path).strip())
    for name in networks(source):
        hide.word(name, "network")
    for name, uid in people(source).items():
        hide.person(name, f"user{uid}")
    return hide


def mentioned(source: Source) -> Iterator[str]:
    """All texts in which this machine has its addresses or those of others."""
    for pattern in ("proc/net/fib_trie", "proc/self/mountinfo", *FILES):
        yield from (source.text(path, WHOLE) for path in source.find(pattern))
    yield from (address.partition("%")[0] for _, address, _ in [*ipv4(source), *ipv6(source)])


def host_names(source: Source) -> Iterator[str]:
    """The name of the host, with its domain and without."""
    for path in ("proc/sys/kernel/hostname", "etc/hostname"):
        name = source.text(path).strip()
        yield name
        yield name.partition(".")[0]


def serials(source: Source) -> Iterator[str]:
    """Serial numbers, but for those that are all zero."""
    found = [source.text("proc/device-tree/serial-number").strip("\0\n ")]
    found += re.findall(r"(?m)^Serial\s*: *(\w+)", source.text("proc/cpuinfo"))
    yield from (each for each in found if each.strip("0"))


def networks(source: Source) -> Iterator[str]:
    """The names of Wi-Fi networks, as far as they may be read."""
    for pattern in ("etc/wpa_supplicant/*.conf", "etc/NetworkManager/system-connections/*"):
        for path in source.find(pattern):
            yield from re.findall(r'(?m)^\s*ssid="?([^"\n]+)', source.text(path))


def people(source: Source) -> dict[str, int]:
    """The names of people with their user IDs."""
    found = {name: uid for uid, name in accounts(source).items() if is_person(uid)}
    for path in source.find("home/*"):
        uid = os.stat(source.path(path)).st_uid
        found.setdefault(path.rpartition("/")[2], uid if is_person(uid) else PEOPLE)
    return found


def accounts(source: Source) -> dict[int, str]:
    """The names of all users by their IDs."""
    rows = [line.split(":") for line in source.text("etc/passwd").splitlines()]
    return {int(row[2]): row[0] for row in reversed(rows) if len(row) > 2 and row[2].isdecimal()}


def is_person(uid: int) -> bool:
    """Whether a user ID is not one of the system's own."""
    return uid >= PEOPLE and uid != NOBODY


# Processes


def process_table(source: Source) -> dict[str, bytes]:
    """/proc/PID/stat of all processes but this one, by PID."""
    table = {}
    for pid in os.listdir(source.path("proc")):
        if pid.isdecimal() and (source.root or int(pid) != os.getpid()):
            stat = source.read(f"proc/{pid}/stat")
            if stat and b") " in stat:
                table[pid] = stat
    return table


def ticks(stat: bytes) -> int:
    """CPU time used."""
    fields = stat.rpartition(b") ")[2].split()
    return int(fields[11]) + int(fields[12])


def chosen(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> list[str]:
    """The first processes and the busiest."""
    both = sorted(before.keys() & now.keys(), key=int)
    first = both[:OLDEST]
    busy = sorted(
        both[OLDEST:], key=lambda pid: (ticks(before[pid]) - ticks(now[pid]), -ticks(now[pid]), int(pid))
    )
    return sorted(first + busy[: PROCESSES - OLDEST], key=int)


def owners(source: Source, pids: Iterable[str]) -> dict[str, int]:
    """The user of each process that is still there."""
    found = {}
    for pid in pids:
        try:
            found[pid] = os.stat(source.path(f"proc/{pid}")).st_uid
        except OSError:
            note(f"skipped process {pid}: it has ended")
    return found


def renamed(stat: bytes, uid: int, hide: Hidden) -> bytes:
    """The row of a process; what a person runs loses its name, unless many do."""
    head, _, tail = stat.rpartition(b") ")
    pid, _, name = text_of(head).partition("(")
    public = not is_person(uid) or name in PROGRAMS
    return bytes_of(f"{pid}({hide.name(name) if public else 'user-process'}) ") + tail


# Filesystems


def is_remote(kind: str, source: str) -> bool:
    """Whether files lie on a server."""
    return kind in REMOTE or (kind.startswith("fuse") and bool(re.search(r"[:@]|^//", source)))


def disguised(source: str, hide: Hidden) -> str:
    """Another server and folder in place of these, written in the same way."""
    server, share = hide.replacement("file server", "any"), hide.replacement("share", source)
    if source.startswith("//"):
        return f"//{server}/{share}"
    if ":" not in source:
        return share
    return f"{'user@' if '@' in source else ''}{server}:/{share}"


def mount_row(line: str, hide: Hidden) -> str:
    """A row of mountinfo. Of a server only the type stays, and whether it may be written to."""
    left, _, right = line.partition(" - ")
    kind, source, extra, *_ = [*right.split(" ", 2), "", ""]
    fields = left.split(" ")
    if is_remote(kind, source):
        fields[3] = "/"
        source, extra = disguised(source, hide), extra.partition(",")[0]
        return hide.text(" ".join(fields)) + f" - {kind} {source} {extra}"
    return hide.text(line)


def unescaped(text: str) -> str:
    """A name from mountinfo."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def sizes(source: Source, mountinfo: str, hide: Hidden) -> dict[str, dict[str, int | str]]:
    """How full the filesystems are that hold files, by mount point."""
    found = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        if right.split(" ")[0] not in PSEUDO:
            point = unescaped(left.split(" ")[4])
            found[hide.text(point)] = size(source.root + point)
    return found


def size(path: str, seconds: float = 2.0) -> dict[str, int | str]:
    """How full a filesystem is, or why that is not known."""
    answer: dict[str, int | str] = {}

    def ask() -> None:
        try:
            status = os.statvfs(bytes_of(path))
        except OSError as error:
            answer["error"] = errno.errorcode.get(error.errno or 0, "EIO")
            return
        used = status.f_blocks - status.f_bfree
        answer.update(total=status.f_blocks * status.f_frsize, used=used * status.f_frsize)
        answer.update(free=status.f_bavail * status.f_frsize)
        answer.update(inodes=status.f_files, inodes_free=status.f_ffree)

    # Another thread, as a dead server holds its asker up for ever.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return {"error": "hangs"} if asking.is_alive() else answer


# Addresses


def addresses(source: Source, hide: Hidden) -> dict[str, list[tuple[str, str]]]:
    """For each interface other addresses than its own, as many and with the same netmasks."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, address, netmask in [*ipv4(source), *ipv6(source)]:
        bare, percent, _ = address.partition("%")
        shown = hide.name(name)
        found.setdefault(shown, []).append((hide.address(bare) + (f"%{shown}" if percent else ""), netmask))
    return found


def ipv4(source: Source) -> Iterator[tuple[str, str, str]]:
    """The first address of each interface, from the kernel: it has no file of them."""
    if source.root:
        return
    from fcntl import ioctl  # noqa: PLC0415 - Windows has none, and the tests look into this module there

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        for path in source.find("sys/class/net/*"):
            name = path.rpartition("/")[2]
            request = struct.pack("256s", name.encode()[:15])
            try:
                two = [ioctl(asker, number, request)[20:24] for number in (0x8915, 0x891B)]
            except OSError:
                continue
            yield name, socket.inet_ntoa(two[0]), socket.inet_ntoa(two[1])


def ipv6(source: Source) -> Iterator[tuple[str, str, str]]:
    """All addresses."""
    for line in source.text("proc/net/if_inet6").splitlines():
        digits, _, prefix, _, _, name = line.split()
        address = ipaddress.IPv6Address(int(digits, 16))
        netmask = str(ipaddress.IPv6Network(f"::/{int(prefix, 16)}").netmask)
        yield name, f"{address}%{name}" if address.is_link_local else str(address), netmask


def links(source: Source, hide: Hidden) -> dict[str, tuple[str | None, str | None]]:
    """The driver and the master of each virtual interface, as far as files tell."""
    found = {}
    for path in source.find("sys/class/net/*"):
        name = path.rpartition("/")[2]
        kind = re.search(
            r"(?m)^DEVTYPE=(bridge|vlan|bond|vxlan|macvlan|wwan)$", source.text(f"{path}/uevent")
        )
        driver = kind[1] if kind else None
        if os.path.exists(source.path(f"{path}/tun_flags")):
            driver = "tun"
        elif name.startswith("veth"):
            driver = "veth"
        master = os.path.realpath(source.path(f"{path}/master")).rpartition("/")[2]
        known = master if os.path.exists(source.path(f"{path}/master")) else None
        if driver or known:
            found[hide.name(name)] = (driver, known and hide.name(known))
    return found


def routes(source: Source) -> str:
    """/proc/net/route with the default routes alone, and without their gateways."""
    head, *rows = source.text("proc/net/route").splitlines(keepends=True) or [""]
    cells = [row.split("\t") for row in rows]
    kept = [[*row[:2], "00000000", *row[3:]] for row in cells if len(row) > 7 and row[1] == row[7] == "0" * 8]
    return head + "".join("\t".join(row) for row in kept)


def routes_6(source: Source) -> str:
    """The same of /proc/net/ipv6_route."""
    cells = [row.split() for row in source.text("proc/net/ipv6_route").splitlines()]
    kept = [[*row[:4], "0" * 32, *row[5:]] for row in cells if len(row) == 10 and row[0] == "0" * 32]
    return "".join(" ".join(row) + "\n" for row in kept)


# The firmware


def transcript(program: str, hide: Hidden, seconds: float = 5.0) -> str:
    """What the firmware answers to all questions."""
    text = ""
    for question in QUESTIONS:
        reply = asked(program, question, seconds)
        text += f"$ vcgencmd {question}\n" + hide.text(reply)
        if reply.endswith("[hang]\n"):
            note(f"vcgencmd {question} did not answer; the other questions are left out")
            break
    return text


def asked(program: str, question: str, seconds: float) -> str:
    """The reply to one question, in the form of a transcript."""
    try:
        # Not run(), which waits for a child that cannot be killed.
        child = subprocess.Popen(
            [program, *question.split()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        stdout, stderr = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=1.0)
        return "[hang]\n"
    except OSError as error:
        note(f"vcgencmd cannot be started: {error.strerror}")
        return "[exit 127]\n"
    reply = stdout.decode("utf-8", "replace")
    reply += "" if not reply or reply.endswith("\n") else "\n"
    reply += "".join(f"[stderr] {line}\n" for line in stderr.decode("utf-8", "replace").splitlines())
    status = child.returncode if child.returncode >= 0 else 128 - child.returncode
    return reply + (f"[exit {status}]\n" if status else "")


# The folder


class Folder:
    """A board under way: everything goes through here, and nothing personal passes."""

    def __init__(self, path: Path, hide: Hidden) -> None:
        self.path = path
        self._hide = hide

    def put(self, path: str, data: bytes) -> None:
        """Write a file. A colon cannot be part of a file name on Windows."""
        if path.rpartition("before/")[2] not in FIXED:
            data = bytes_of(self._hide.text(text_of(data)))
        self.put_clean(self._hide.name(path).replace(":", "%3A"), data)

    def put_clean(self, path: str, data: bytes) -> None:
        """Write a file that is known to hold nothing personal."""
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def record(source: Source, path: Path, sleep: Callable[[float], None] = time.sleep) -> None:
    """Record the machine in the folder `path`."""
    hide = hidden(source)
    folder = Folder(path, hide)
    facts: dict[str, object] = {"origin": "recorded"}
    facts.update(record_rates(source, folder, hide, sleep))
    files = sorted({found for pattern in FILES for found in source.find(pattern)})
    for each in files:
        data = source.read(each)
        if data is not None:
            folder.put(each, data)
    # No others: some that are looked into for what must be hidden are named after a network.
    unread = [each for each in files if each in source.unreadable]
    facts["unreadable"] = {f"/{hide.name(each)}": source.unreadable[each] for each in unread}
    facts.update(record_mounts(source, folder, hide))
    record_firmware(source, folder, hide)
    facts["addresses"] = addresses(source, hide)
    facts["links"] = links(source, hide)
    folder.put_clean("proc/net/route", bytes_of(hide.name(routes(source))))
    folder.put_clean("proc/net/ipv6_route", bytes_of(hide.name(routes_6(source))))
    folder.put_clean("host.json", json.dumps(facts, indent=1).encode() + b"\n")


def record_rates(
    source: Source, folder: Folder, hide: Hidden, sleep: Callable[[float], None]
) -> dict[str, object]:
    """Record the CPU times and the processes twice, with a second between."""
    began = time.monotonic()
    queues = {path: source.read(path) or b"" for path in source.find("sys/class/drm/card*/device/gpu_stats")}
    stat, table = source.read("proc/stat") or b"", process_table(source)
    sleep(max(0.0, began + 1.0 - time.monotonic()))
    moment, uptime = time.time(), source.text("proc/uptime").split()
    later_stat, later_table = source.read("proc/stat") or b"", process_table(source)
    users = owners(source, chosen(table, later_table))
    for prefix, cpus, processes in (("before/", stat, table), ("", later_stat, later_table)):
        folder.put(f"{prefix}proc/stat", cpus)
        for pid, uid in users.items():
            folder.put_clean(f"{prefix}proc/{pid}/stat", renamed(processes[pid], uid, hide))
    for path, rows in queues.items():
        folder.put(f"before/{path}", rows)
    names = accounts(source)
    return {
        "time": round(moment, 2),
        "uptime": float(uptime[0]) if uptime else 0.0,
        "cores": len(re.findall(rb"(?m)^cpu\d+ ", later_stat)) or 1,
        "page_size": os.sysconf("SC_PAGE_SIZE"),
        "clock_ticks": os.sysconf("SC_CLK_TCK"),
        "uname": ["host", os.uname().release, os.uname().machine],
        "bits": struct.calcsize("P") * 8,
        "users": {str(uid): user_name(uid, names) for uid in sorted(set(users.values())) if uid in names},
        "owners": users,
    }


def user_name(uid: int, names: Mapping[int, str]) -> str:
    """The name of a user of the system; a number for a person."""
    return f"user{uid}" if is_person(uid) else names[uid]


def record_mounts(source: Source, folder: Folder, hide: Hidden) -> dict[str, object]:
    """Record what is mounted, and how full that is."""
    mountinfo = source.text("proc/self/mountinfo")
    rows = [mount_row(line, hide) for line in mountinfo.splitlines()]
    folder.put_clean("proc/self/mountinfo", bytes_of("".join(f"{row}\n" for row in rows)))
    folder.put_clean("etc/fstab", bytes_of(fstab(source.text("etc/fstab"), hide)))
    return {"statvfs": sizes(source, mountinfo, hide)}


def fstab(text: str, hide: Hidden) -> str:
    """Return what is meant to be mounted where, writable or not; devices and options may hold secrets."""
    rows = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    return "".join(
        f"none {hide.name(row[1])} {row[2]} {'ro' if 'ro' in row[3].split(',') else 'rw'} 0 0\n"
        for row in rows
        if len(row) > 3
    )


def record_firmware(source: Source, folder: Folder, hide: Hidden) -> None:
    """Record what vcgencmd answers, and put a script that answers the same in its place."""
    program = next((source.path(each) for each in VCGENCMD if os.path.exists(source.path(each))), None)
    if program is None:
        note("no vcgencmd: recorded without the answers of a firmware")
        return
    folder.put_clean("vcgencmd.txt", bytes_of(transcript(program, hide)))
    link = folder.path / "usr/bin/vcgencmd"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.relpath(HERE / "vcgencmd", link.parent.resolve()))


def main() -> None:
    """Record this machine."""
    parser = argparse.ArgumentParser(description="Record this machine as a board for the tests.")
    parser.add_argument("name", help="of the folder, such as pi4b-4gb")
    parser.add_argument("--into", type=Path, default=HERE, metavar="DIR", help="where to put the folder")
    parser.add_argument(
        "--root", default="", metavar="DIR", help="record the machine whose files lie below DIR"
    )
    arguments = parser.parse_args()
    folder = arguments.into / arguments.name
    if folder.exists():
        parser.error(f"{folder} exists; remove it, or take another name")
    record(Source(arguments.root), folder)
    print(NEXT.format(folder=folder), end="")


if __name__ == "__main__":
    main()
