"""The state of the system: pressure, kernels, containers, and what ext4, USB and the 3D block count."""

from __future__ import annotations

from collections.abc import Mapping

CGROUPS = "sys/fs/cgroup"
FIRMWARE = "lib/firmware/raspberrypi/bootloader"


def pressure() -> dict[str, str]:
    """/proc/pressure."""
    some = "some avg10={:.2f} avg60={:.2f} avg300=0.40 total=51028082\n"
    full = some.replace("some", "full")
    return {
        "proc/pressure/cpu": some.format(9.05, 21.15) + full.format(0, 0),
        "proc/pressure/io": some.format(1.5, 0.75) + full.format(0.5, 0.25),
        "proc/pressure/memory": some.format(0, 0) + full.format(0, 0),
    }


def ext4(disk: str, part: str, errors: int = 0, first: int = 0, last: int = 0) -> dict[str, str]:
    """What ext4 has noted about a filesystem, and the partition on which it is."""
    folder = f"sys/fs/ext4/{part}"
    return {
        "sys/fs/ext4/features/lazy_itable_init": "supported\n",
        f"sys/block/{disk}/{part}/partition": "2\n",
        f"{folder}/errors_count": f"{errors}\n",
        f"{folder}/first_error_time": f"{first}\n",
        f"{folder}/last_error_time": f"{last}\n",
        f"{folder}/lifetime_write_kbytes": "84402118\n",
        f"{folder}/session_write_kbytes": "1204112\n",
    }


def containers(
    prefix: str, rows: Mapping[str, tuple[int, int, int]], memory: int = 0, limit: int = 0
) -> dict[str, str]:
    """Cgroups of containers, now and a second ago.

    Args:
        prefix: Of their paths, up to the ID.
        rows: For each ID the number of its process, the CPU time that it has used, and in the last second; in
            microseconds.
        memory: Bytes that each of them uses; 0 where the controller is off.
        limit: Bytes that each may use; 0 for no limit.
    """
    files = {f"{place}{CGROUPS}/cgroup.controllers": "cpuset cpu io pids\n" for place in ("", "before/")}
    for key, (pid, used, second) in rows.items():
        folder = f"{CGROUPS}/{prefix}{key}{'0' * 52}.scope"
        for place, cpu in (("", used), ("before/", used - second)):
            files[f"{place}{folder}/cpu.stat"] = f"usage_usec {cpu}\nuser_usec {cpu}\nsystem_usec 0\n"
            files[f"{place}{folder}/cgroup.procs"] = f"{pid}\n"
        if memory:
            files[f"{folder}/memory.current"] = f"{memory + (4 << 20)}\n"
            files[f"{folder}/memory.stat"] = f"anon {memory}\ninactive_file {4 << 20}\n"
            files[f"{folder}/memory.max"] = f"{limit or 'max'}\n"
    return files


def gpu_queues() -> dict[str, str]:
    """The queues of the 3D block, now and a second ago: the busiest was at work for a quarter of it."""
    files = {}
    for place, at, busy in (("", 9_000_000_000, 700_000_000), ("before/", 8_000_000_000, 450_000_000)):
        rows = "".join(
            f"{queue}\t{at}\t12\t{busy // share}\n" for share, queue in enumerate(("render", "bin", "csd"), 1)
        )
        files[f"{place}sys/class/drm/card1/device/gpu_stats"] = f"queue\ttimestamp\tjobs\truntime\n{rows}"
    return files


def bootloaders(folder: str, **images: int) -> dict[str, str]:
    """Images of the bootloader by the day and the second on which they were built."""
    return {
        f"{folder}/pieeprom-{day.strip('_').replace('_', '-')}.bin": f"\0BUILD_TIMESTAMP={at}\0\n"
        for day, at in images.items()
    }


def kernels(*releases: str) -> dict[str, str]:
    """Kernels that are installed."""
    return {f"boot/vmlinuz-{release}": "" for release in releases}


def usb_ports(**counts: int) -> dict[str, str]:
    """How often the ports of the first root hub were cut off, by `port1` and so on."""
    folder = "sys/bus/usb/devices/1-0:1.0"
    return {f"{folder}/usb1-{port}/over_current_count": f"{count}\n" for port, count in counts.items()}


def supply(name: str, **files: object) -> dict[str, str]:
    """A supply by the files of its folder."""
    return {f"sys/class/power_supply/{name}/{file}": f"{value}\n" for file, value in files.items()}
