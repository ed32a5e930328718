"""In the virtual machine, as root: what the daemon says, beside what the tools of the system say.

A line PASS or FAIL for each comparison, then every answer in full, then DONE.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

BASE = "http://127.0.0.1:8585"
KNOBS = Path("/sys/module/vcio/parameters")
HELP_AFTER_SECONDS = 240.0
"""Seconds until the service must answer: the processor is emulated."""

answers: dict[str, str] = {}


def verdict(passed: bool, claim: str, detail: object = "") -> None:
    print(f"{'PASS' if passed else 'FAIL'} {claim}{f': {detail}' if detail != '' else ''}", flush=True)


def same(claim: str, ours: object, theirs: object) -> None:
    verdict(ours == theirs, claim, ours if ours == theirs else f"{ours!r}, but {theirs!r}")


def near(claim: str, ours: float | None, theirs: float | None, within: float) -> None:
    close = ours is not None and theirs is not None and abs(ours - theirs) <= within
    verdict(close, claim, f"{ours} and {theirs}")


def attempt(check: Any) -> None:
    """Run one group of comparisons; what it stumbles over is a failure of its own."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 - the others shall run, whatever it is
        verdict(False, check.__name__, repr(error))


def tool(command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout.strip()


def get(target: str, accept: str = "application/json") -> str:
    request = urllib.request.Request(BASE + target, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=60) as response:
        text: str = response.read().decode()
    answers[target] = text
    return text


def ask(target: str) -> Any:
    return json.loads(get(target))


def turn(knob: str, value: int) -> None:
    (KNOBS / knob).write_text(str(value))


def eventually(check: Any, seconds: float = 60.0) -> Any:
    """The first true thing that `check` says; what it says at the end, if none."""
    until = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.5)
    return found


def reachable() -> bool:
    try:
        return "healthy" in get("/health")
    except OSError:
        return False


def service() -> None:
    verdict(
        eventually(reachable, HELP_AFTER_SECONDS), "the service answers", tool("systemctl is-active pi-stat")
    )
    owner = tool("ps -o user= -p $(systemctl show -P MainPID pi-stat)")
    same("it runs as its own user", owner, "pi-stat")
    verdict(True, "its sandbox, by systemd", tool("systemd-analyze security --no-pager pi-stat | tail -1"))


def firmware() -> None:
    stats = ask("/stats?cache=false")
    gpu, power, clocks = stats["gpu"], stats["power"], stats["clocks"]
    same("no errors", stats.get("errors"), None)
    same(
        "gpu.temperature is vcgencmd measure_temp",
        f"temp={gpu['temperature']}'C",
        tool("vcgencmd measure_temp"),
    )
    same(
        "gpu.memory is vcgencmd get_mem gpu",
        f"gpu={(gpu['memory'] or 0) >> 20}M",
        tool("vcgencmd get_mem gpu"),
    )
    volts = tool("vcgencmd measure_volts core")
    same("power.core_voltage is vcgencmd measure_volts", f"volt={power['core_voltage']:.4f}V", volts)
    for name, ours in {"arm": clocks["arm"], "core": clocks["core"], "v3d": gpu["v3d_clock"]}.items():
        same(f"the clock of {name}", str(ours), tool(f"vcgencmd measure_clock {name}").partition("=")[2])
    same("hardware.firmware", stats["hardware"]["firmware"], tool("vcgencmd version | head -1").strip())
    zone = int(tool("cat /sys/class/thermal/thermal_zone0/temp"))
    near("cpu_temp is the thermal zone", stats["cpu_temp"], zone / 1000, 0.0)


def flags() -> None:
    """What the firmware says when it is asked again."""
    turn("throttled", 0x50005)
    turn("temperature", 81234)
    stats = ask("/stats?cache=false")
    set_flags = sorted(name for name, flag in stats["power"].items() if flag is True)
    expected = ["throttled", "throttled_since_boot", "under_voltage", "under_voltage_since_boot"]
    same("0x50005 is four flags", set_flags, expected)
    same("the new temperature", (stats["cpu_temp"], stats["gpu"]["temperature"]), (81.234, 81.2))
    turn("throttled", 0)
    turn("temperature", 48312)


def way() -> None:
    """The device is asked, with a system call a question and no process at all."""
    log = tool("journalctl -u pi-stat -o cat | grep 'The firmware'")
    same("the log names the way, once", log, "The firmware is asked through /dev/vcio_gencmd.")
    pid = tool("systemctl show -P MainPID pi-stat")
    trace = "strace -f -qq -o /run/trace -e trace=ioctl,fork,vfork,clone,clone3,execve"
    with subprocess.Popen(f"exec {trace} -p {pid}", shell=True) as tracer:
        eventually(lambda: "TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text())
        time.sleep(5)
        before = int((KNOBS / "questions").read_text())
        for _ in range(3):
            ask("/stats?cache=false")
        tracer.terminate()
    calls = re.findall(r"^\d+ +(\w+)\((.*)$", Path("/run/trace").read_text(), re.MULTILINE)
    questions = [
        rest for name, rest in calls if name == "ioctl" and "_IOC(_IOC_READ|_IOC_WRITE, 0x64" in rest
    ]
    processes = [name for name, rest in calls if name != "ioctl" and "CLONE_THREAD" not in rest]
    count = int((KNOBS / "questions").read_text()) - before
    same("questions in three fresh /stats, by strace and by the module", len(questions), count)
    same("processes in three fresh /stats, by strace", processes, [])


def hanging() -> None:
    turn("delay_ms", 20000)
    began = time.monotonic()
    stats = ask("/stats?cache=false")
    taken = time.monotonic() - began
    verdict(
        taken < 10, "an answer while the firmware hangs, in seconds of an emulated processor", round(taken, 1)
    )
    same("its figures are null", (stats["gpu"]["temperature"], stats["power"]["throttled"]), (None, None))
    verdict("no answer" in stats["errors"]["gpu"], "and said why", stats["errors"])
    verdict(stats["memory"]["total"] > 0 and stats["cpu_temp"] == 48.312, "the others are not")
    stuck = tool("ps -L -o stat=,wchan= -p $(systemctl show -P MainPID pi-stat) | grep -c '^D'")
    same("threads in an uninterruptible wait", stuck, "1")
    turn("delay_ms", 0)
    recovered = eventually(lambda: "errors" not in ask("/stats?cache=false"), 90)
    verdict(bool(recovered), "it recovers")


def refusing() -> None:
    turn("fail", 110)
    stats = eventually(lambda: ask("/stats?cache=false"))
    verdict("no answer" in stats["errors"]["power"], "ETIMEDOUT of the kernel", stats["errors"]["power"])
    turn("fail", 0)
    verdict(bool(eventually(lambda: "errors" not in ask("/stats?cache=false"), 90)), "it recovers")


def restarted() -> str:
    """What the log says of the firmware when the service begins anew and is asked."""
    tool("systemctl restart pi-stat")
    eventually(reachable, HELP_AFTER_SECONDS)
    invocation = tool("systemctl show -P InvocationID pi-stat")
    log = f"journalctl -o cat _SYSTEMD_INVOCATION_ID={invocation} | grep 'The firmware'"

    def told() -> str:
        # The first question may take more than its second on a processor that is emulated.
        ask("/stats?cache=false")
        return tool(log)

    return str(eventually(told))


def forbidden() -> None:
    """Who may not ask is told what to do, and when that is done it works."""
    tool("gpasswd -d pi-stat video")
    line = restarted()
    verdict("for the group video: `sudo usermod -aG video pi-stat`" in line, "out of the group", line)
    turn("throttled", 1)
    power = ask("/stats?cache=false")["power"]
    alarm = tool("cat /sys/class/hwmon/hwmon*/in0_lcrit_alarm")
    same(
        "under-voltage by the alarm, throttling unknown",
        (power["under_voltage"], power["throttled"]),
        (True, None),
    )
    same("and by sysfs", alarm, "1")
    turn("throttled", 0)
    remedies = ask("/capabilities")["remedies"]
    verdict(line.endswith(f" {remedies[0]}"), "/capabilities has the same remedy", remedies)
    command = line.split("`")[1].removeprefix("sudo ")
    tool(command)
    same(f"after {command}", restarted(), "The firmware is asked through /dev/vcio_gencmd.")

    tool("mv /dev/vcio_gencmd /dev/away")
    line = restarted()
    verdict("this kernel is too old for /dev/vcio_gencmd" in line, "new rules, old kernel", line)
    tool("chgrp video /dev/vcio; chmod 660 /dev/vcio")
    same("old rules, old kernel", restarted(), "The firmware is asked through /dev/vcio.")
    tool(
        "mv /dev/away /dev/vcio_gencmd; chgrp root /dev/vcio; chmod 600 /dev/vcio; systemctl restart pi-stat"
    )
    eventually(reachable, HELP_AFTER_SECONDS)


def memory() -> None:
    stats = ask("/stats")
    meminfo = dict(re.findall(r"^(\w+): +(\d+) kB", tool("cat /proc/meminfo"), re.MULTILINE))
    same("memory.total is MemTotal", stats["memory"]["total"], int(meminfo["MemTotal"]) << 10)
    near(
        "memory.available is about MemAvailable",
        stats["memory"]["available"],
        int(meminfo["MemAvailable"]) << 10,
        64e6,
    )
    same(
        "swap.total is SwapTotal, null for none",
        stats["swap"]["total"],
        int(meminfo["SwapTotal"]) << 10 or None,
    )
    near("uptime", stats["uptime"], float(tool("cut -d' ' -f1 /proc/uptime")), 10.0)
    same("per_cpu_usage has an entry a core", len(stats["per_cpu_usage"]), int(tool("nproc")))
    near("load_avg", stats["load_avg"][0], float(tool("cut -d' ' -f1 /proc/loadavg")), 1.0)


def usb() -> None:
    hardware = ask("/stats")["hardware"]
    known = (hardware["model"], hardware["type"], hardware["memory"])
    same("the board, by the lines of /proc/cpuinfo", known, ("Raspberry Pi 4 Model B Rev 1.4", "4B", 8 << 30))
    listed = tool("lsusb").splitlines()
    devices = [line for line in listed if "root hub" not in line]
    same(
        "hardware.usb_devices is lsusb without root hubs",
        ask("/stats")["hardware"]["usb_devices"],
        len(devices),
    )


def network() -> None:
    rows = ask("/network/interfaces")["interfaces"]
    links = {link["ifname"]: link for link in json.loads(tool("ip -j address"))}
    same(
        "the interfaces are those of ip", sorted({*rows} - {"active_connections"}), sorted({*links} - {"lo"})
    )
    for name in sorted({*links} - {"lo"}):
        mac = links[name].get("address")
        same(f"MAC and MTU of {name}", (rows[name]["mac"], rows[name]["mtu"]), (mac, links[name]["mtu"]))
    station = tool("iw dev wlan1 link")
    signal = re.search(r"signal: (-?\d+) dBm", station)
    same(
        "wlan1.signal_strength is that of iw", rows["wlan1"].get("signal_strength"), signal and int(signal[1])
    )
    same(
        "/stats says the same",
        ask("/stats")["network"]["wlan1"].get("signal_strength"),
        signal and int(signal[1]),
    )
    verdict("signal_strength" not in rows["eth0"] if "eth0" in rows else True, "a wired interface has none")
    connections = len(tool("ss -Htn state established").splitlines())
    near("active_connections is about that of ss", rows["active_connections"], connections, 3)


def storage() -> None:
    rows = {row["mountpoint"]: row for row in ask("/storage/devices")["devices"]}
    for mountpoint in ("/", "/mnt/nvme", "/mnt/sd", "/mnt/usb"):
        source, kind, size = tool(f"df -B1 --output=source,fstype,size {mountpoint} | tail -1").split()
        row = rows.get(mountpoint, {})
        ours = (row.get("device"), row.get("filesystem"), row.get("total"))
        # The root is named by df after the device that the kernel was told.
        same(
            f"device, type and size of {mountpoint}",
            ours,
            (source.replace("/dev/root", "/dev/vda"), kind, int(size)),
        )


def disks() -> None:
    rows = ask("/storage/devices")["disks"]
    for name in ("mmcblk0", "nvme0n1", "sda"):
        size, model = tool(f"lsblk -bdno SIZE,MODEL /dev/{name} || lsblk -bdno SIZE /dev/{name}").partition(
            " "
        )[::2]
        same(f"size of {name} is that of lsblk", rows[name]["size"], int(size))
        if model.strip():
            same(f"model of {name} is that of lsblk", rows[name]["model"], model.strip())
    card = "/sys/block/mmcblk0/device"
    told = tool(f"cat {card}/type {card}/name {card}/date").splitlines()
    same(
        "the card, from its own register", [rows["mmcblk0"][each] for each in ("type", "model", "made")], told
    )
    drive = int(tool("cat /sys/block/nvme0n1/device/hwmon*/temp1_input"))
    near("temperature of the NVMe drive", rows["nvme0n1"]["temperature"], drive / 1000, 0.01)
    written = int(tool("awk '$3 == \"nvme0n1\" {print $10}' /proc/diskstats")) * 512
    same("bytes written to the NVMe drive", rows["nvme0n1"]["bytes_written"], written)


def sensors() -> None:
    """Temperatures, the fan and the trip point, as sysfs has them; the voltages, as vcgencmd has."""
    found = ask("/sensors")
    fan = (int(tool("cat /sys/class/hwmon/hwmon*/fan1_input")), 125)
    ours = found["fans"]["pwmfan"]
    same("the fan: revolutions a minute, duty cycle", (ours["rpm"], ours["pwm"]), fan)
    trips = [(each["zone"], each["type"], each["temperature"]) for each in found["trip_points"]]
    verdict(("cpu-thermal", "critical", 110.0) in trips, "the trip point", trips)
    verdict(any("nvme" in name for name in found["temperatures"]), "thermometers", [*found["temperatures"]])
    for name in ("sdram_c", "sdram_i", "sdram_p"):
        said = tool(f"vcgencmd measure_volts {name}")
        same(f"{name} is vcgencmd measure_volts", f"volt={found['voltages'][name]:.4f}V", said)


def wireless() -> None:
    """What the radio says of the station, by the table of the kernel and by iw."""
    row = ask("/network/interfaces")["interfaces"]["wlan1"]
    quality = tool("awk '$1 == \"wlan1:\" {print int($3)}' /proc/net/wireless")
    near(
        "link quality in percent is that of /proc/net/wireless of 70",
        row["link_quality"],
        int(quality) / 0.7,
        0.1,
    )
    frequency = re.search(r"freq: (\d+)", tool("iw dev wlan1 link"))
    same("frequency is that of iw, in MHz", row.get("frequency"), frequency and int(frequency[1]))
    verdict("lab" not in json.dumps(row), "the name of the network is not told")


def processes() -> None:
    rows = ask("/processes?limit=10000&sort=pid")["processes"]
    listed = {int(pid) for pid in tool("ps -e -o pid=").split()}
    ours = {row["pid"] for row in rows}
    near("as many processes as ps has", len(ours), len(listed), 6)
    same("the first", (rows[0]["pid"], rows[0]["name"], rows[0]["user"]), (1, "systemd", "root"))
    verdict(any(row["user"] == "pi-stat" for row in rows), "the daemon itself is among them")


def others() -> None:
    """Every other route that it knows."""
    verdict("/stats" in get("/", "text/plain"), "the guide as text")
    verdict("<html" in get("/", "text/html"), "the guide as a page")
    answers.pop("/")
    for target in ("/capabilities", "/metrics", "/openapi.json"):
        try:
            verdict(bool(get(target, "*/*")), target, f"{len(answers[target])} bytes")
        except urllib.error.HTTPError as error:
            verdict(False, target, error)
    answers.pop("/openapi.json", None)


for each in (
    service,
    firmware,
    flags,
    way,
    hanging,
    refusing,
    forbidden,
    memory,
    usb,
    network,
    storage,
    disks,
    sensors,
    wireless,
    processes,
    others,
):
    attempt(each)
ask("/stats?cache=false")
for target, text in answers.items():
    print(f"\n# {target}")
    print(json.dumps(json.loads(text), indent=1) if text.startswith("{") else text)
print("\n# journalctl -u pi-stat")
print(tool("journalctl -u pi-stat -o cat"))
print("DONE", flush=True)
