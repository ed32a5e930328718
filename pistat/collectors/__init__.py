"""Everything that can be measured: one visible list, in the order of the answers."""

from pistat.collectors import (
    clocks,
    cpu,
    drives,
    filesystems,
    gpu,
    hardware,
    memory,
    network,
    power,
    processes,
    root_filesystem,
    sensors,
    system,
)
from pistat.collectors.devices import power_supplies, usb_ports
from pistat.collectors.operating_system import containers, pressure, services
from pistat.field import Collector

STATS: tuple[Collector, ...] = (
    cpu.cpu_temp,
    cpu.cpu_freq,
    cpu.cpu,
    memory.memory,
    pressure.pressure,
    root_filesystem.disk,
    root_filesystem.disk_io,
    system.uptime,
    system.load_avg,
    system.timestamp,
    gpu.gpu,
    power.power,
    clocks.clocks,
    network.network,
    hardware.hardware,
    system.system,
    system.boot_time,
)
"""What `/stats` answers, in the order of its keys."""

SENSORS: tuple[Collector, ...] = (
    sensors.temperatures,
    sensors.fans,
    sensors.trip_points,
    sensors.voltages,
    sensors.pmic,
    sensors.block_clocks,
    power_supplies.supplies,
    usb_ports.usb_ports,
)
"""What `/sensors` answers, besides the time: each reading is a file or a question, so not in `/stats`."""

ALL: tuple[Collector, ...] = (
    *STATS,
    *SENSORS,
    processes.processes,
    network.interfaces,
    filesystems.devices,
    drives.disks,
    containers.containers,
    services.services,
)
