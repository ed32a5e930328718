"""A real Prometheus with the files of `deploy/`, and a fleet: the real daemon, and every recorded board."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.daemon import Daemon
from support.programs.prometheus_server import INSTALLED, NodeExporter, Prometheus
from support.recorded_machine import BOARDS, TYPICAL_BOARDS

if TYPE_CHECKING:
    from support.require import Require

DEPLOY = Path(__file__).parents[2] / "deploy"
CONFIGURATION = DEPLOY / "prometheus"
RULES = yaml.safe_load((CONFIGURATION / "rules" / "pi-stat.yml").read_text(encoding="utf-8"))
RULE_TESTS = yaml.safe_load((CONFIGURATION / "rules_test.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]
RECORDED = "pi4b-8gb"
"""The board that node_exporter reads, too."""
NAMED = "[2001:db8::8]:8585"
"""What one of the Pis is called, as if it were scraped by IPv6."""


@pytest.fixture(autouse=True)
def _installed(require: Require) -> None:
    require(INSTALLED, "Prometheus and node_exporter (Debian: prometheus, prometheus-node-exporter)")


@dataclass(frozen=True)
class Site:
    """Everything that runs: a daemon on this machine, a Pi for each board, and who watches them."""

    prometheus: Prometheus
    daemon: Daemon
    ports: dict[str, int]
    """The port of each simulated Pi, by its board."""
    began: float
    """When all had been scraped a few times; pi-stat has the figures of the first."""

    @property
    def targets(self) -> int:
        """How many are watched: the daemon, the Pis, and an exporter here and for a board."""
        return 1 + len(self.ports) + 2


@pytest.fixture
def site(running: Site) -> Site:
    """All of it, at a moment when no scrape was late, as one may be on a machine with too much to do."""
    running.prometheus.wait_for(f"sum(up) == {running.targets}")
    return running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Prometheus as `deploy/` has it, but for the targets and the interval, after a few scrapes of all."""
    # Answers stay the same for an hour, so that what was scraped is what is answered afterwards.
    daemon = Daemon(
        {
            "PISTAT_CACHE_SECONDS": "3600",
            "PISTAT_HISTORY_SECONDS": "0",
            "PISTAT_RATE_LIMIT_REQUESTS": "100000",
        }
    )
    fleet = subprocess.Popen(
        [sys.executable, Path(__file__).parents[1] / "support" / "daemons" / "fleet.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    exporters = {"here": NodeExporter(), RECORDED: NodeExporter(BOARDS / RECORDED)}
    assert fleet.stdout is not None
    ports: dict[str, int] = json.loads(fleet.stdout.readline())
    daemon.wait_until_ready()
    folder = tmp_path_factory.mktemp("prometheus")
    configure(folder, [daemon.port, *ports.values()], exporters)
    prometheus = Prometheus(folder)
    try:
        prometheus.wait_until_ready("/-/ready")
        for name in ("pi-stat", "node"):
            prometheus.wait_for(
                f'count(count_over_time(up{{job="{name}"}}[1m]) >= 3) == count(up{{job="{name}"}})'
            )
        prometheus.wait_for("count_over_time(job:up:ratio[1m]) >= 2")
        yield Site(prometheus, daemon, ports, time.time())
    finally:
        prometheus.stop()
        for each in exporters.values():
            each.stop()
        fleet.communicate(timeout=20)
        daemon.kill()


def configure(folder: Path, ports: list[int], exporters: dict[str, NodeExporter]) -> None:
    shutil.copytree(CONFIGURATION, folder, dirs_exist_ok=True)
    path = folder / "prometheus.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("interval: 30s", "interval: 2s").replace("timeout: 10s", "timeout: 2s"))
    assert path.read_text().count("_interval: 2s") == 2
    with path.open("a") as configuration:
        configuration.write("  - job_name: node\n    static_configs:\n")
        for machine, each in exporters.items():
            configuration.write(
                f"      - targets: ['{each.address}']\n        labels: {{machine: {machine}}}\n"
            )
    write_targets(folder, ports[:-1])
    named = [{"targets": [f"127.0.0.1:{ports[-1]}"], "labels": {"site": "home", "instance": NAMED}}]
    (folder / "targets" / "named.yml").write_text(yaml.safe_dump(named))


def write_targets(folder: Path, ports: list[int]) -> None:
    targets = [{"targets": [f"127.0.0.1:{port}" for port in ports], "labels": {"site": "home"}}]
    (folder / "targets" / "pis.yml").write_text(yaml.safe_dump(targets))


def promtool(*command: str, folder: Path = CONFIGURATION, given: str = "") -> str:
    """What it says, having found nothing wrong."""
    finished = subprocess.run(
        ["promtool", *command], check=False, cwd=folder, input=given, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


# What is scraped


def test_all_targets_are_up(site: Site) -> None:
    """Each of them is scraped without an error, in the format that Prometheus likes best."""
    targets = site.prometheus.ask("targets")["activeTargets"]

    assert len(targets) == site.targets
    assert [each for each in targets if each["lastError"] and "deadline" not in each["lastError"]] == []


def test_prometheus_has_nothing_to_complain_of(site: Site) -> None:
    """No warning in its log, no sample dropped: no duplicate, nothing out of order, no illegal name."""
    complaints = [line for line in site.prometheus.log().splitlines() if "level=info" not in line]

    assert complaints == []
    dropped = site.prometheus.query(
        '{__name__=~"prometheus_target_scrapes?_(sample_|exceeded|exemplar|cache_flush).*"} > 0'
    )
    assert dropped == []


@pytest.mark.parametrize("board", [None, *TYPICAL_BOARDS])
def test_promtool_finds_nothing(site: Site, board: str | None) -> None:
    """`promtool check metrics` has no objection to a name, a unit or a help."""
    port = site.ports[board] if board else site.daemon.port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()

    assert promtool("check", "metrics", given=text) == ""


STATS = {
    "pistat_cpu_temp_celsius": ("cpu_temp", 1),
    "pistat_cpu_freq_hertz": ("cpu_freq", 1e6),
    "pistat_cpu_usage_ratio": ("cpu_usage", 0.01),
    "pistat_memory_total_bytes": ("memory.total", 1),
    "pistat_memory_available_bytes": ("memory.available", 1),
    "pistat_memory_used_bytes": ("memory.used", 1),
    "pistat_memory_used_ratio": ("memory.percent", 0.01),
    "pistat_swap_total_bytes": ("swap.total", 1),
    "pistat_swap_used_ratio": ("swap.percent", 0.01),
    "pistat_disk_total_bytes": ("disk.total", 1),
    "pistat_disk_used_bytes": ("disk.used", 1),
    "pistat_disk_free_bytes": ("disk.free", 1),
    "pistat_disk_used_ratio": ("disk.percent", 0.01),
    "pistat_disk_io_reads_total": ("disk_io.read_count", 1),
    "pistat_disk_io_writes_total": ("disk_io.write_count", 1),
    "pistat_disk_io_read_bytes_total": ("disk_io.read_bytes", 1),
    "pistat_disk_io_write_bytes_total": ("disk_io.write_bytes", 1),
    "pistat_disk_io_read_time_seconds_total": ("disk_io.read_time", 0.001),
    "pistat_disk_io_write_time_seconds_total": ("disk_io.write_time", 0.001),
    "pistat_uptime_seconds": ("uptime", 1),
    "pistat_timestamp_seconds": ("timestamp", 1),
    "pistat_gpu_temperature_celsius": ("gpu.temperature", 1),
    "pistat_gpu_memory_bytes": ("gpu.memory", 1),
    "pistat_gpu_v3d_clock_hertz": ("gpu.v3d_clock", 1),
    "pistat_power_core_voltage_volts": ("power.core_voltage", 1),
    "pistat_power_under_voltage": ("power.under_voltage", 1),
    "pistat_power_throttled_since_boot": ("power.throttled_since_boot", 1),
    "pistat_clocks_arm_hertz": ("clocks.arm", 1),
    "pistat_network_active_connections": ("network.active_connections", 1),
    "pistat_hardware_usb_devices": ("hardware.usb_devices", 1),
}
"""What a metric is in /stats, and by what that is multiplied."""

TRAFFIC = {
    "pistat_network_sent_bytes_total": "bytes_sent",
    "pistat_network_recv_bytes_total": "bytes_recv",
    "pistat_network_packets_sent_total": "packets_sent",
    "pistat_network_packets_recv_total": "packets_recv",
    "pistat_network_errin_total": "errin",
    "pistat_network_dropin_total": "dropin",
}


LABELS = ("device", "mountpoint", "filesystem")


def at(answer: Any, path: str) -> Any:
    for key in path.split("."):
        answer = answer[key]
    return answer


def test_values_are_those_of_stats(site: Site) -> None:
    """What Prometheus has stored is what `/stats` says of the same moment; a null is not there."""
    answer = site.daemon.json("/stats")
    assert "errors" not in answer
    mine = f'instance="127.0.0.1:{site.daemon.port}"'
    stored = site.prometheus.values(
        f'{{{mine},__name__=~"pistat_.*",core="",interface="",device=""}}', "__name__"
    )

    for metric, (path, factor) in STATS.items():
        figure = at(answer, path)
        if figure is None:
            assert (metric,) not in stored
        else:
            assert stored[metric,] == pytest.approx(figure * factor, rel=1e-9), metric
    cores = site.prometheus.values(f"pistat_per_cpu_usage_ratio{{{mine}}}", "core")
    assert [cores[str(core),] * 100 for core in range(len(cores))] == pytest.approx(answer["per_cpu_usage"])
    assert [stored[f"pistat_load{minutes}",] for minutes in (1, 5, 15)] == answer["load_avg"]


def test_values_are_those_of_the_interfaces_and_devices(site: Site) -> None:
    """Each interface and each filesystem has its figures, under its own labels."""
    mine = f'instance="127.0.0.1:{site.daemon.port}"'
    network = site.daemon.json("/stats?fields=network")["network"]
    for metric, leaf in TRAFFIC.items():
        figures = {(name,): row[leaf] for name, row in network.items() if isinstance(row, dict)}
        assert site.prometheus.values(f"{metric}{{{mine}}}", "interface") == figures
    devices = site.daemon.json("/storage/devices")["devices"]
    assert devices
    for leaf in ("total", "used", "free"):
        stored = site.prometheus.values(f"pistat_filesystem_{leaf}_bytes{{{mine}}}", *LABELS)
        known = [row for row in devices if row[leaf] is not None]
        assert stored == {tuple(row[label] for label in LABELS): row[leaf] for row in known}


def test_a_token_is_shown(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """A Pi that wants a token lets the Prometheus of `discovery/token.yml` in, and nobody without it."""
    daemon = start(PISTAT_API_TOKEN="s3cret")
    folder = shutil.copytree(CONFIGURATION, tmp_path / "prometheus")
    text = (folder / "discovery" / "token.yml").read_text(encoding="utf-8")
    (folder / "prometheus.yml").write_text(f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n{text}")
    (folder / "pi-stat.token").write_text("s3cret")
    write_targets(folder, [daemon.port])

    prometheus = Prometheus(folder)
    try:
        prometheus.wait_until_ready("/-/ready")
        prometheus.wait_for('up{job="pi-stat"} == 1')
    finally:
        prometheus.stop()

    assert daemon.get("/metrics").status == 401


# Beside node_exporter


def both(
    site: Site, ours: str, theirs: str, label: str = "", at: float | None = None
) -> list[tuple[float, float]]:
    """What pi-stat says of this machine, and what node_exporter says, by `label`."""
    mine = site.prometheus.values(
        f'{ours} and on (instance) up{{instance="127.0.0.1:{site.daemon.port}"}}', label, at=at
    )
    node = site.prometheus.values(
        f'{theirs} and on (instance) up{{machine="here"}}', "device" if label else "", at=at
    )
    assert mine
    return [(value, node[key]) for key, value in mine.items() if key in node]


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance"),
    [
        ("pistat_memory_total_bytes", "node_memory_MemTotal_bytes", 0),
        ("pistat_memory_available_bytes", "node_memory_MemAvailable_bytes", 0.2),
        ("pistat_disk_total_bytes", 'node_filesystem_size_bytes{mountpoint="/"}', 0),
        ("pistat_disk_free_bytes", 'node_filesystem_avail_bytes{mountpoint="/"}', 0.05),
        ("pistat_uptime_seconds", "node_time_seconds - node_boot_time_seconds", 0.05),
    ],
)
def test_node_exporter_agrees_here(site: Site, ours: str, theirs: str, tolerance: float) -> None:
    """On this machine, which goes on while both look at it: what is fixed is equal, the rest is near."""
    ranges = [f"{each}_over_time(({theirs})[1m:1s])" for each in ("min", "max")]
    [(mine, lowest)], [(_, highest)] = (both(site, ours, each, at=site.began) for each in ranges)
    slack = tolerance * highest

    assert lowest - slack <= mine <= highest + slack


def test_node_exporter_agrees_on_the_traffic_here(site: Site) -> None:
    """The counters of each interface were lower when pi-stat was asked, for it was asked first."""
    pairs = both(site, "pistat_network_recv_bytes_total", "node_network_receive_bytes_total", "interface")

    assert pairs
    assert all(mine <= node for mine, node in pairs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("pistat_memory_total_bytes", "node_memory_MemTotal_bytes"),
        ("pistat_swap_total_bytes", "node_memory_SwapTotal_bytes"),
        ("pistat_swap_free_bytes", "node_memory_SwapFree_bytes"),
        ("pistat_memory_available_bytes", "node_memory_MemAvailable_bytes"),
        ("pistat_cpu_temp_celsius", 'node_hwmon_temp_celsius{chip="cpu_thermal"}'),
        ("pistat_disk_io_reads_total", 'sum(node_disk_reads_completed_total{device=~"mmcblk0|sda"})'),
        ("pistat_disk_io_read_bytes_total", 'sum(node_disk_read_bytes_total{device=~"mmcblk0|sda"})'),
        ("pistat_disk_io_write_bytes_total", 'sum(node_disk_written_bytes_total{device=~"mmcblk0|sda"})'),
        (
            "pistat_disk_io_write_time_seconds_total",
            'sum(node_disk_write_time_seconds_total{device=~"mmcblk0|sda"})',
        ),
        ("pistat_load1", "node_load1"),
        ("pistat_load5", "node_load5"),
        ("pistat_load15", "node_load15"),
        *(
            (f'{ours}{{interface="{name}"}}', f'{theirs}{{device="{name}"}}')
            for name in ("eth0", "wlan0")
            for ours, theirs in (
                ("pistat_network_recv_bytes_total", "node_network_receive_bytes_total"),
                ("pistat_network_sent_bytes_total", "node_network_transmit_bytes_total"),
                ("pistat_network_packets_recv_total", "node_network_receive_packets_total"),
                ("pistat_network_dropin_total", "node_network_receive_drop_total"),
                ("pistat_network_errout_total", "node_network_transmit_errs_total"),
            )
        ),
    ],
)
def test_node_exporter_agrees_on_a_recorded_board(site: Site, ours: str, theirs: str) -> None:
    """Over the very same files both say the very same: temperature, load, memory, disks, traffic."""
    mine = site.prometheus.values(
        f'{ours} and on (instance) up{{instance="127.0.0.1:{site.ports[RECORDED]}"}}'
    )
    node = site.prometheus.values(
        f"{theirs.replace('{', '{MACHINE,') if '{' in theirs else theirs + '{MACHINE}'}".replace(
            "MACHINE", f'machine="{RECORDED}"'
        )
    )

    assert list(mine.values()) == pytest.approx(list(node.values()), rel=1e-9)
    assert len(mine) == 1


# Rules


def test_rules_do_what_they_say() -> None:
    """Each alert fires for what it is meant for and not for what comes near: `promtool test rules`."""
    promtool("test", "rules", "rules_test.yml")


def test_every_rule_is_tested() -> None:
    """Each alert has a Pi for which it fires and one for which it does not; each recording a value."""
    tested = {each["name"]: json.dumps(each) for each in RULE_TESTS["tests"]}
    recorded = [rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule]

    assert [each["alert"] for each in ALERTS if each["alert"] not in tested] == []
    for each in ALERTS:
        assert 'instance=\\"good\\"' in tested[each["alert"]], each["alert"]
        assert '"exp_samples": [{"labels": "{instance=\\"bad\\"}"' in tested[each["alert"]], each["alert"]
    assert [each for each in recorded if each not in tested["recording rules"]] == []


def test_every_alert_has_advice() -> None:
    """Each says how bad it is, what is the matter with which Pi, and in a sentence or two what to do."""
    for each in ALERTS:
        assert each["labels"]["severity"] in {"info", "warning", "critical"}
        assert "$labels.instance" in each["annotations"]["summary"], each["alert"]
        assert re.fullmatch(r"[A-Z].{40,}[.)]", each["annotations"]["description"]), each["alert"]


def test_alerts_fire(site: Site) -> None:
    """The Pi that has had too little voltage raises its alert, and every text of an alert can be expanded."""
    site.prometheus.wait_for('ALERTS{alertname="PiUnderVoltageSinceBoot",alertstate="firing"}')
    alerts = site.prometheus.ask("alerts")["alerts"]

    firing = {each["labels"]["alertname"]: each for each in alerts if each["state"] == "firing"}
    assert firing["PiUnderVoltageSinceBoot"]["labels"]["site"] == "home"
    assert "error expanding" not in json.dumps([each["annotations"]["summary"] for each in alerts])
    rules = [rule for group in site.prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {(rule["health"], rule.get("lastError", "")) for rule in rules} == {("ok", "")}


@pytest.mark.parametrize(
    "name",
    [
        "prometheus.yml",
        *(f"discovery/{path.name}" for path in sorted((CONFIGURATION / "discovery").glob("*.yml"))),
    ],
)
def test_configurations_are_valid(tmp_path: Path, name: str) -> None:
    """Each is accepted as `prometheus.yml`, with the rules, the targets and the token that it names."""
    folder = shutil.copytree(CONFIGURATION, tmp_path / "prometheus")
    shutil.copy(CONFIGURATION / name, folder / "prometheus.yml")
    (folder / "pi-stat.token").write_text("secret")

    promtool("check", "config", "prometheus.yml", folder=folder)


def test_every_scrape_leaves_out_what_has_no_end() -> None:
    """A shard refuses and drops of a target what the configuration for a few Pis does."""
    few, shard = (
        yaml.safe_load((CONFIGURATION / name).read_text(encoding="utf-8"))["scrape_configs"][0]
        for name in ("prometheus.yml", "discovery/shard.yml")
    )

    for key in ("sample_limit", "metric_relabel_configs"):
        assert few[key] == shard[key]


# Grafana. Debian has no package of it, so that its files are held against what they refer to.


DASHBOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
}
PANELS = {f"{name}/{panel['title']}": panel for name, each in DASHBOARDS.items() for panel in each["panels"]}
QUERIES = [
    pytest.param(target["expr"], id=f"{title}/{target['refId']}")
    for title, panel in PANELS.items()
    for target in panel.get("targets", [])
]


def filled_in(expression: str, instance: str) -> str:
    """As Grafana asks Prometheus: what was chosen from a list is put in as it stands."""
    for variable, value in {"$__rate_interval": "1m", "$instance": instance, "$site": ".*"}.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


@pytest.mark.parametrize("expression", QUERIES)
def test_every_panel_has_data(site: Site, expression: str) -> None:
    """Each query of the dashboards is understood by Prometheus, and has a sample for at least one Pi."""
    pis = site.prometheus.ask("label/instance/values", **{"match[]": 'up{job="pi-stat"}'})

    # A Pi that was late for one scrape has none until the next.
    site.prometheus.wait_for(" or ".join(dict.fromkeys(f"({filled_in(expression, each)})" for each in pis)))


@pytest.mark.parametrize("panel", ["pi/Uptime", "pi/CPU by core", "pi/Traffic"])
def test_a_pi_is_found_by_any_address(site: Site, panel: str) -> None:
    """The address of a Pi is no pattern: one of IPv6, with its brackets, has data as well."""
    for target in PANELS[panel]["targets"]:
        assert NAMED in filled_in(target["expr"], NAMED)
        site.prometheus.wait_for(filled_in(target["expr"], NAMED))


def test_every_variable_has_values(site: Site) -> None:
    """The lists from which one chooses a Pi or a site are not empty."""
    for dashboard in DASHBOARDS.values():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
                assert found
                assert site.prometheus.ask(f"label/{found[2]}/values", **{"match[]": found[1]}) != []


def test_dashboards_hold_together() -> None:
    """Panels have numbers of their own and do not overlap; links, variables and data sources are there."""
    assert {each["uid"] for each in DASHBOARDS.values()} == {"pi-stat-fleet", "pi-stat-pi"}
    for dashboard in DASHBOARDS.values():
        panels = dashboard["panels"]
        assert len({each["id"] for each in panels}) == len(panels)
        places = [(x, y) for each in panels for x, y in squares(each["gridPos"])]
        assert len(set(places)) == len(places)
        assert max(x for x, _ in places) < 24
        text = json.dumps(dashboard)
        known = {each["name"] for each in dashboard["templating"]["list"]}
        used = set(re.findall(r"\$\{?([a-z]+)", json.dumps([each.get("targets") for each in panels])))
        assert used <= known
        assert set(re.findall(r"/d/([\w-]+)", text)) <= {each["uid"] for each in DASHBOARDS.values()}
        sources = {json.dumps(each["datasource"]) for each in panels if each["type"] != "row"}
        assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}
        assert {each["type"] for each in panels} <= PANEL_TYPES


PANEL_TYPES = {"piechart", "row", "stat", "state-timeline", "table", "timeseries"}
"""What Grafana has built in, of which the dashboards are made."""


def squares(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def test_provisioning_finds_the_dashboards() -> None:
    """The provisioned data source is one of Prometheus, and the provider reads files of a folder."""
    folder = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((folder / "datasources" / "pi-stat.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((folder / "dashboards" / "pi-stat.yml").read_text())["providers"]
    scrape = yaml.safe_load((CONFIGURATION / "prometheus.yml").read_text())["global"]["scrape_interval"]

    assert (source["type"], source["url"]) == ("prometheus", "http://localhost:9090")
    assert source["jsonData"]["timeInterval"] == scrape
    assert provider["type"] == "file"
    assert provider["options"]["path"].startswith("/")


# Scale


def shard(folder: Path, number: int, ports: list[int], store: str) -> Prometheus:
    """One of two that share the Pis, as `discovery/shard.yml` has one of ten."""
    shutil.copytree(CONFIGURATION, folder)
    text = (folder / "discovery" / "shard.yml").read_text(encoding="utf-8")
    for old, new in {
        "modulus: 10": "modulus: 2",
        '"0"': f'"{number}"',
        "60s": "1s",
        "20s": "1s",
        "http://store.example:9009/api/v1/push": f"http://{store}/api/v1/write",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "prometheus.yml").write_text(text, encoding="utf-8")
    write_targets(folder, ports)
    return Prometheus(folder, "--storage.remote.flush-deadline=1s")


def test_shards_share_a_fleet(site: Site, tmp_path: Path) -> None:
    """Each Pi is scraped by one of the shards, and a store that takes remote writes has them all."""
    (tmp_path / "prometheus.yml").write_text("global: {}")
    ports = list(site.ports.values())
    running = [Prometheus(tmp_path, "--web.enable-remote-write-receiver")]
    try:
        [store] = running
        store.wait_until_ready("/-/ready")
        running += [shard(tmp_path / str(number), number, ports, store.address) for number in (0, 1)]
        store.wait_for(f'count(up{{job="pi-stat"}} == 1) == {len(ports)}')
        found = store.values('up{job="pi-stat"}', "instance", "shard")
        dropped = store.query('{__name__="pistat_collector_runs_total"}')
    finally:
        for each in reversed(running):
            each.stop()

    assert {instance for instance, _ in found} == {f"127.0.0.1:{port}" for port in ports}
    assert len(found) == len(ports)
    assert {number for _, number in found} == {"0", "1"}
    assert dropped == []


def test_nothing_is_dropped_that_is_read() -> None:
    """What a shard does not send to the store stands in no rule and in no dashboard."""
    configuration = yaml.safe_load((CONFIGURATION / "discovery" / "shard.yml").read_text(encoding="utf-8"))
    [relabel] = configuration["remote_write"][0]["write_relabel_configs"]
    read = set(re.findall(r"\bpistat_\w+", json.dumps([RULES, DASHBOARDS])))

    assert relabel["action"] == "drop"
    assert {name for name in read if re.fullmatch(relabel["regex"], name)} == set()


def test_the_scale_can_be_measured() -> None:
    """`benchmarks/studies/many_pis.py` runs: its Pis answer, and Prometheus stores what they say."""
    command = [
        sys.executable,
        "benchmarks/studies/many_pis.py",
        "--pis",
        "2",
        "--interval",
        "0.5",
        "--samples",
        "6",
    ]
    finished = subprocess.run(command, cwd=DEPLOY.parent, check=True, capture_output=True, text=True)

    table = dict(re.findall(r"^\| (.+) \| (.+) \|$", finished.stdout, re.MULTILINE))
    failed, scrapes = map(int, table["scrapes that failed"].split(" of "))
    # A machine with too much to do may be late for some.
    assert failed < scrapes / 2
    assert int(table["series of a Pi"]) > 100
    assert float(table["bytes of a sample in a block"]) > 0


@pytest.mark.parametrize("page", sorted(path.name for path in (DEPLOY.parent / "docs").glob("*.md")))
def test_pages_point_at_what_is_there(page: str) -> None:
    """Every file that a page links to, or copies from, is in the repository."""
    text = (DEPLOY.parent / "docs" / page).read_text(encoding="utf-8")
    linked = [DEPLOY.parent / "docs" / each for each in re.findall(r"\]\(([\w./-]+)\)", text)]
    copied = [DEPLOY.parent / each for each in re.findall(r"(?<![\w/])deploy/[\w./-]*[\w]", text)]

    assert [each for each in (*linked, *copied) if not each.exists()] == []
