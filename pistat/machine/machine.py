"""The machine: the host, its firmware, and the samples of its counters."""

from __future__ import annotations

import contextlib
import sys
import threading
from functools import partial

import psutil

from pistat.machine import cgroups, cpu_times, portable, processes
from pistat.machine.firmware import v3d
from pistat.machine.firmware.client import Firmware
from pistat.machine.host import Finished, Host, SystemNames, Usage
from pistat.machine.sampler import Rates, Sampler

__all__ = ["Finished", "Machine", "SystemNames", "Usage"]


class Machine(Host):
    """The host, its firmware, and the samples of its counters.

    Attributes:
        cpu: Samples of the CPU times.
        processes: Samples of the process table.
        containers: Samples of the containers.
        gpu_queues: Samples of what the 3D block has done.
        traffic: Readings of the counters of the interfaces.
        disks: Readings of the counters of the disks.
        firmware: Asks the VideoCore of a Raspberry Pi.
    """

    def __init__(self, root: str = "", platform: str = sys.platform) -> None:
        super().__init__(root, platform)
        self.cpu: Sampler[cpu_times.Snapshot] = Sampler(
            partial(cpu_times.read, self) if self.linux else portable.cpu_times,
            good=0.9,
            least=0.2,
            most=60.0,
            clock=self.monotonic,
            sleep=self.sleep,
        )
        self.processes: Sampler[processes.Table] = Sampler(
            partial(processes.read, self) if self.linux else self._portable_processes,
            good=0.5,
            least=0.5,
            most=10.0,
            clock=self.monotonic,
            sleep=self.sleep,
        )
        self.containers: Sampler[cgroups.Table] = Sampler(
            partial(cgroups.read, self),
            good=0.9,
            least=0.5,
            # Prometheus may ask each minute.
            most=150.0,
            clock=self.monotonic,
            sleep=self.sleep,
        )
        self.gpu_queues: Sampler[v3d.Queues] = Sampler(
            partial(v3d.read, self), good=0.9, least=0.2, most=60.0, clock=self.monotonic, sleep=self.sleep
        )
        self.traffic = Rates(self.monotonic, self.sleep)
        self.disks = Rates(self.monotonic, self.sleep)
        self.firmware = Firmware(self)

    def _portable_processes(self) -> processes.Table:
        """Read the process table where there is no /proc."""
        uptime = self.uptime()
        return processes.Table(uptime, portable.processes(uptime))

    def set_longest_interval(self, seconds: float) -> None:
        """Take rates over as much as `seconds`, if somebody reads the counters that often, within reason."""
        for rates in (self.traffic, self.disks):
            rates.longest = min(max(rates.longest, seconds), 60.0)

    def spent(self) -> cpu_times.Spent | None:
        """Return how the time of all CPUs together was spent since boot; None where it cannot be read."""
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            return self.cpu.take().value.times[0]
        return None

    def start_sampling(self) -> None:
        """Sample CPU and GPU every second from now on, so that there is always a true reading."""
        threading.Thread(target=self._sample, name="sampler", daemon=True).start()

    def _sample(self) -> None:
        """Sample without end."""
        while True:
            gpu = self.linux and v3d.has_queues(self)
            for _ in range(60):
                self.sample_cpu()
                if gpu:
                    self.sample_gpu()
                self.sleep(1.0)

    def sample_cpu(self) -> None:
        """Sample the CPU times: 0.2 s after the first sample, a true reading can be had at once."""
        # A failure is reported by whoever asks for the reading next.
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            self.cpu.take()

    def sample_gpu(self) -> None:
        """Sample the 3D block; its driver may have been unloaded meanwhile."""
        with contextlib.suppress(OSError):
            self.gpu_queues.take()
