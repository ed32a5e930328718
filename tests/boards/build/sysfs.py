"""The files of /sys, each of one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from boards.build.parts import Board, Disk, Interface, Usb, Zone


def sys(board: Board) -> dict[str, object]:
    """The files of /sys; none in a container that is not given any."""
    if not board.sysfs:
        return {}
    return {
        **dict(thermal(board.zones)),
        **dict(hwmon(board)),
        **dict(frequencies(board)),
        **dict(net_class(board.interfaces)),
        **dict(blocks(board.disks)),
        **dict(usb_bus(board.usb)),
        **dict(zip(("class/dmi/id/sys_vendor", "class/dmi/id/product_name"), board.dmi or (), strict=False)),
    }


def thermal(zones: Iterable[Zone]) -> Iterator[tuple[str, object]]:
    """Thermal zones with their trip points."""
    for number, zone in enumerate(zones):
        folder = f"class/thermal/thermal_zone{number}"
        yield f"{folder}/type", zone.kind
        yield f"{folder}/temp", zone.temperature
        for point, trip in enumerate(zone.trips):
            yield f"{folder}/trip_point_{point}_type", trip.kind
            yield f"{folder}/trip_point_{point}_temp", trip.temperature
            yield f"{folder}/trip_point_{point}_hyst", trip.hysteresis


def hwmon(board: Board) -> Iterator[tuple[str, object]]:
    """Sensor chips."""
    for number, (name, files) in enumerate(board.chips):
        yield f"class/hwmon/hwmon{number}/name", name
        for file, value in files.items():
            yield f"class/hwmon/hwmon{number}/{file}", value


def frequencies(board: Board) -> Iterator[tuple[str, object]]:
    """The frequency policies of the CPU."""
    files = ("scaling_cur_freq", "scaling_min_freq", "scaling_max_freq", "scaling_governor")
    for number, values in enumerate(board.cpu.policies):
        for file, value in zip(files, values, strict=True):
            yield f"devices/system/cpu/cpufreq/policy{number}/{file}", value


def net_class(interfaces: Iterable[Interface]) -> Iterator[tuple[str, object]]:
    """Network interfaces. Those that are down have no carrier to be read."""
    for each in interfaces:
        folder = f"class/net/{each.name}"
        yield f"{folder}/address", each.mac
        yield f"{folder}/flags", f"{each.flags:#x}"
        yield f"{folder}/mtu", each.mtu
        yield f"{folder}/operstate", each.state
        yield f"{folder}/type", each.hardware
        if each.driver is None and each.name != "lo":
            # A symbolic link to the device, of which only the presence counts.
            yield f"{folder}/device/uevent", ""
        if each.flags & 1:
            yield f"{folder}/carrier", 0 if each.state == "down" else 1
        if each.speed is not None:
            yield f"{folder}/speed", each.speed
        if each.wireless:
            yield f"{folder}/phy80211/name", "phy0"
        if each.wireless == "wext":
            yield f"{folder}/wireless/status", "0x0"


def blocks(disks: Iterable[Disk]) -> Iterator[tuple[str, object]]:
    """Block devices; partitions are not among them."""
    for disk in disks:
        yield f"block/{disk.name}/dev", disk.number
        for number, part, _ in disk.parts:
            yield f"block/{disk.name}/{part}/dev", number
        for below in disk.slaves:
            # A symbolic link to the device, of which only the name counts.
            yield f"block/{disk.name}/slaves/{below}/dev", ""
        yield f"block/{disk.name}/size", disk.sectors
        yield f"block/{disk.name}/ro", int(disk.read_only)
        for file, value in disk.marks.items():
            yield f"block/{disk.name}/{file}", value


def usb_bus(devices: Iterable[Usb]) -> Iterator[tuple[str, object]]:
    """USB devices, and beside them their interfaces."""
    for each in devices:
        folder = f"bus/usb/devices/{each.name}"
        yield f"{folder}/bDeviceClass", each.kind
        port = each.name.replace("usb", "") + "-0" if each.name.startswith("usb") else each.name
        for number, kind in enumerate(each.interfaces):
            yield f"bus/usb/devices/{port}:1.{number}/bInterfaceClass", kind
