"""Each finding just below, at and above its limit, when it begins, and when it ends."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pistat.diagnosis import BY_ID, FINDINGS
from pistat.diagnosis.evaluation import Evaluation
from pistat.diagnosis.finding import DAY, HOUR, Boots, Moment, Stage, within
from pistat.diagnosis.past import Past
from pistat.diagnosis.report import _event, _row

START = 2 * DAY
"""On the boot clock: long after the start."""

WALL = 1_796_000_000.0
GIGA = 1e9


@dataclass
class Case:
    """A value of one finding, from that on which it depends.

    Attributes:
        readings: Returns the readings with a value.
        well: The worst value that is not beyond the limit of the first stage.
        bad: The least bad one that is.
        lasting: The best value with which a finding that began goes on.
        clear: The worst with which it ends.
        worse: A value beyond the last stage.
    """

    readings: Callable[[Any], dict[str, Any]]
    well: Any = False
    bad: Any = True
    lasting: Any = True
    clear: Any = False
    worse: Any = None


def power(**leaves: Any) -> dict[str, Any]:
    return {"power": {"under_voltage": False, "throttled": False, "usb_over_current": False, **leaves}}


def filesystem(**cells: Any) -> dict[str, Any]:
    row = {"mountpoint": "/", "filesystem": "ext4", "percent": 50.0, "free": GIGA, "inodes_percent": 10.0}
    return {"devices": [{**row, "read_only": False, "read_only_wanted": False, **cells}]}


def disk(**cells: Any) -> dict[str, Any]:
    row = {"life_used_a": None, "life_used_b": None, "spare_blocks": "normal", "type": "SD", "errors": 0}
    return {"disks": {"mmcblk0": {**row, "last_error": None, "written_session": 0, **cells}}}


def memory(available: float, **swap: Any) -> dict[str, Any]:
    return {"memory": {"available": available, "total": 100.0}, "swap": {"percent": None, **swap}}


def wlan(signal: int) -> dict[str, Any]:
    return {"network": {"wlan0": {"signal_strength": signal}, "active_connections": 3}}


def radio(signal: int | None, *, power_save: bool | None) -> dict[str, Any]:
    row = {"signal_strength": signal, "power_save": power_save}
    return {"interfaces": {"wlan0": row, "eth0": {}, "active_connections": 3}}


def wired(speed: int, board: str = "4B") -> dict[str, Any]:
    return {"interfaces": {"eth0": {"speed": speed, "is_up": True}}, "hardware": {"type": board}}


CASES = {
    "power.under_voltage": Case(lambda bad: power(under_voltage=bad)),
    "power.under_voltage_since_boot": Case(lambda bad: power(under_voltage_since_boot=bad)),
    "power.input_voltage": Case(
        lambda volts: {"pmic": {"input_voltage": volts}}, 4.80, 4.79, 4.84, 4.85, worse=4.69
    ),
    "power.supply_current": Case(
        lambda amperes: power(supply_current=amperes, usb_current_limit=0.6), 5.0, 4.9, 3.0, 5.0
    ),
    "power.reset_cause": Case(
        lambda cause: power(supply_current=5.0, power_chip_reset=cause),
        "watchdog",
        "over-voltage",
        "under-voltage, watchdog",
        None,
    ),
    "heat.throttled": Case(lambda bad: {**power(throttled=bad), "cpu_temp": 70.0}),
    "heat.throttled_since_boot": Case(
        lambda bad: power(throttled_since_boot=bad, under_voltage_since_boot=False)
    ),
    "heat.soft_limit": Case(lambda bad: {**power(soft_temp_limit=bad), "cpu_temp": 61.0}),
    "heat.hot": Case(lambda celsius: {"cpu_temp": celsius}, 75.0, 75.1, 70.1, 70.0),
    "heat.critical": Case(lambda celsius: {"cpu_temp": celsius}, 84.9, 85.0, 80.1, 80.0),
    "heat.fan_stuck": Case(
        lambda bad: {"fans": {"fan": {"rpm": 0, "pwm": 75}}, "cpu_temp": 65.0 if bad else 64.9}
    ),
    "cpu.frequency_capped": Case(lambda bad: power(freq_capped=bad)),
    "cpu.load": Case(
        lambda load: {"load_avg": [0.0, 0.0, load], "per_cpu_usage": [1.0] * 4}, 8.0, 8.1, 7.1, 7.0
    ),
    "memory.low": Case(memory, 10.0, 9.9, 14.9, 15.0),
    "memory.swap_full": Case(lambda used: memory(24.0, percent=used), 80.0, 80.1, 60.1, 60.0),
    "disk.full": Case(lambda used: filesystem(percent=used), 90.0, 90.1, 80.1, 80.0, worse=98.1),
    "disk.inodes": Case(lambda used: filesystem(inodes_percent=used), 90.0, 90.1, 80.1, 80.0),
    "disk.read_only": Case(lambda bad: filesystem(read_only=bad)),
    "disk.worn": Case(lambda used: disk(life_used_a=used), 80.0, 90.0, 90.0, 80.0),
    "disk.silent": Case(lambda bad: filesystem(**({"error": "no answer within 1.0 s"} if bad else {}))),
    "network.wifi_weak": Case(wlan, -75, -76, -73, -72, worse=-86),
    "network.wifi_power_save": Case(
        lambda signal: radio(signal, power_save=True),
        -70,
        -71,
        -68,
        -67,
    ),
    "power.usb_over_current": Case(
        lambda count: {**power(), "usb_ports": {"usb1-port2": {"over_current": count}}}, 0, 1, 1, None
    ),
    "cpu.governor": Case(
        lambda name: {"cpu_governor": name}, "ondemand", "powersave", "powersave", "performance"
    ),
    "memory.oom": Case(lambda kills: {"memory": {"oom_kills": kills}}, 0, 1, 1, None),
    "memory.thrash": Case(
        lambda share: {"pressure": {"memory": {"full_avg60": share}}}, 10.0, 10.1, 5.1, 5.0
    ),
    "memory.cgroup_off": Case(
        lambda source: {"containers": [{"memory_source": source}]}, "cgroup", "rss", "rss", "cgroup"
    ),
    "disk.errors": Case(lambda errors: disk(errors=errors, last_error=WALL - HOUR), 0, 1, 1, 0),
    "disk.writes": Case(lambda size: disk(written_session=size * GIGA * 2), 20.0, 21.0, 11.0, 9.0),
    "time.unsynchronised": Case(lambda bad: {"system": {"clock_synchronized": not bad}, "interfaces": {}}),
    "system.units_failed": Case(
        lambda count: {"failed_count": count, "failed": [{"name": "nginx.service"}] * count}, 0, 1, 1, 0
    ),
    "system.reboot_required": Case(
        lambda bad: {"system": {"reboot_required": bad, "reboot_reason": "linux-image-rpi-v8"}}
    ),
    "system.updates": Case(
        lambda count: {"system": {"updates": {"pending": count, "security": 0, "lists_age": 60.0}}},
        0,
        1,
        1,
        0,
    ),
    "system.eeprom": Case(lambda bad: {"hardware": {"bootloader_outdated": bad}}),
    "network.slow_link": Case(wired, 1000, 100, 10, 1000),
}
"""The findings that one reading after the other shows. Those that look at time are tested below."""

BY_TIME = {
    "boot.loop",
    "boot.unclean",
    "disk.filling",
    "network.errors",
    "time.stepped",
}


def test_every_finding_is_tested() -> None:
    """The boots and the clock: test_events; a trend and the errors of a network: below."""
    assert {each.id for each in FINDINGS} == CASES.keys() | BY_TIME


def assert_reads_well(row: dict[str, Any]) -> None:
    """What follows and what to do takes three sentences at most, and one at least for each."""
    text, advice = (re.findall(r"[.!?](?= |$)", row[key]) for key in ("text", "advice"))
    assert text
    assert advice
    assert len(text) + len(advice) <= 3
    assert not re.search(r"[{}]|\s{2}", row["title"] + row["text"] + row["advice"])


class Player:
    """One finding, to which readings are given."""

    def __init__(self, finding: str, case: Case) -> None:
        self.case = case
        self.evaluation = Evaluation([BY_ID[finding]])
        self.past = Past()
        self.now = START
        self.moment = Moment(0, 0, {})

    def give(self, value: Any, seconds: float = 0.0) -> list[str]:
        """Give the same value every 30 s for some time, and return what began and ended."""
        told = []
        end = self.now + seconds
        while self.now <= end:
            self.moment = Moment(self.now, WALL + self.now, self.case.readings(value), self.past)
            for change in self.evaluation.update(self.moment):
                told.append("begin" if change.began else "end")
                assert _event(change, self.moment).title
                assert_reads_well(_row(change, self.moment))
            self.now += 30.0
        return told


def stages(finding: str) -> Iterator[Stage]:
    yield from BY_ID[finding].stages


@pytest.mark.parametrize("finding", CASES)
def test_it_begins_beyond_its_limit_and_not_at_it(finding: str) -> None:
    """What is at the limit is well, for however long."""
    player, case = Player(finding, CASES[finding]), CASES[finding]
    hold = BY_ID[finding].stages[0].hold

    assert player.give(case.well, 2 * hold + 60) == []
    assert player.give(case.bad, hold + 30)[:1] == ["begin"]


@pytest.mark.parametrize("finding", [each for each in CASES if BY_ID[each].stages[0].hold])
def test_it_begins_only_when_it_lasts(finding: str) -> None:
    """A value beyond the limit that pauses in time begins nothing."""
    player, case = Player(finding, CASES[finding]), CASES[finding]
    hold = BY_ID[finding].stages[0].hold

    for _ in range(5):
        assert player.give(case.bad, hold - 30) == []
        assert player.give(case.well) == []


@pytest.mark.parametrize("finding", [each for each in CASES if BY_ID[each].stages[0].clear_hold])
def test_what_flaps_is_told_once_at_most(finding: str) -> None:
    """A value that goes to and fro across both limits, each half minute for two hours, is one event."""
    player, case = Player(finding, CASES[finding]), CASES[finding]
    told: list[str] = []
    for _ in range(120):
        told += player.give(case.bad) + player.give(case.clear)

    assert told in ([], ["begin"])


HAPPENED = ("power.usb_over_current", "memory.oom")
"""What happened at a time, and is over a day later."""


@pytest.mark.parametrize("finding", HAPPENED)
def test_what_happened_is_over_a_day_later(finding: str) -> None:
    """It begins when the counter rises, and ends by itself; a counter that stays says nothing new."""
    player = Player(finding, CASES[finding])
    assert player.give(0, HOUR) == []
    assert player.give(3) == ["begin"]

    assert player.give(3, DAY - HOUR) == []
    assert player.give(3, 2 * HOUR) == ["end"]
    assert player.give(4) == ["begin"]


@pytest.mark.parametrize("finding", HAPPENED)
def test_what_happened_before_the_first_look_was_since_boot(finding: str) -> None:
    """Soon after a start that is less than a day ago; later nobody knows."""
    early, late = Player(finding, CASES[finding]), Player(finding, CASES[finding])
    early.now = HOUR

    assert early.give(2) == ["begin"]
    assert late.give(2) == []


@pytest.mark.parametrize("finding", [each for each in CASES if each not in HAPPENED])
def test_it_ends_when_it_is_clear_and_not_before(finding: str) -> None:
    """Between limit and clear it goes on; clear for a moment is not over."""
    player, case = Player(finding, CASES[finding]), CASES[finding]
    first = BY_ID[finding].stages[0]
    player.give(case.bad, first.hold + 30)

    assert "end" not in player.give(case.lasting, first.clear_hold + 600)
    if first.clear_hold >= 60:
        assert player.give(case.clear, first.clear_hold - 30) == []
        assert "end" not in player.give(case.lasting, 60)
    assert player.give(case.clear, first.clear_hold + 30) == ["end"]
    assert player.evaluation.active() == []


@pytest.mark.parametrize("finding", [each for each, case in CASES.items() if case.worse is not None])
def test_it_becomes_more_severe(finding: str) -> None:
    """Beyond the last stage it has the severity of that."""
    player, case = Player(finding, CASES[finding]), CASES[finding]
    player.give(case.worse, max(each.hold for each in stages(finding)) + 30)

    [active] = player.evaluation.active()
    assert active.severity is BY_ID[finding].stages[-1].severity


@pytest.mark.parametrize("finding", CASES)
def test_a_reading_that_is_null_is_not_judged(finding: str) -> None:
    """A machine without the reading is neither well nor ill."""
    evaluation = Evaluation([BY_ID[finding]])

    assert evaluation.update(Moment(START, WALL, {}, Past())) == []
    assert evaluation.judged().get(finding) != "checked"


# What more than one reading decides


@pytest.mark.parametrize(
    ("finding", "readings"),
    [
        # A low supply slows down as well, and has a finding of its own.
        ("heat.throttled", {**power(throttled=True, under_voltage=True), "cpu_temp": 82.0}),
        ("heat.throttled", {**power(throttled=True), "cpu_temp": 55.0}),
        ("heat.throttled_since_boot", power(throttled_since_boot=True, under_voltage_since_boot=True)),
        ("cpu.frequency_capped", power(freq_capped=True, throttled=True)),
        ("cpu.frequency_capped", power(freq_capped=True, under_voltage=True)),
        ("power.supply_current", power(supply_current=3.0, usb_current_limit=1.6)),
        ("heat.fan_stuck", {"fans": {"fan": {"rpm": 0, "pwm": 0}}, "cpu_temp": 80.0}),
        ("heat.fan_stuck", {"fans": {"fan": {"rpm": 3000, "pwm": 75}}, "cpu_temp": 80.0}),
        ("heat.fan_stuck", {"fans": {"fan": {"rpm": None, "pwm": 75}}, "cpu_temp": 80.0}),
        ("memory.swap_full", memory(26.0, percent=99.0)),
        ("memory.swap_full", memory(5.0)),
        ("disk.full", filesystem(percent=99.0, read_only=True)),
        ("disk.read_only", filesystem(read_only=True, read_only_wanted=True)),
        ("disk.read_only", filesystem(read_only=True, read_only_wanted=None)),
        ("disk.read_only", filesystem(read_only=True, filesystem="iso9660")),
        ("disk.silent", filesystem(error="not permitted")),
        ("network.wifi_power_save", radio(-80, power_save=False)),
        ("network.wifi_power_save", radio(-80, power_save=None)),
        ("network.wifi_power_save", radio(None, power_save=True)),
        # Not every board has gigabit Ethernet, and not every adapter belongs to the board.
        ("network.slow_link", wired(100, "3B")),
        ("network.slow_link", {**wired(1000), "interfaces": {"eth1": {"speed": 100, "is_up": True}}}),
        ("network.slow_link", {**wired(1000), "interfaces": {"eth0": {"speed": 10, "is_up": False}}}),
        ("network.slow_link", {**wired(1000), "interfaces": {"veth1": {"speed": 10, "is_up": True}}}),
    ],
)
def test_what_comes_near_is_none(finding: str, readings: dict[str, Any]) -> None:
    player = Player(finding, Case(lambda _: readings))

    assert player.give(None, DAY / 8) == []


def test_a_large_disk_with_room_is_never_critical() -> None:
    """Two per cent of a disk of 4 TB are 80 GB."""
    player = Player("disk.full", Case(lambda _: filesystem(percent=99.0, free=80 * GIGA)))
    player.give(None, HOUR)

    assert [each.severity.label for each in player.evaluation.active()] == ["warning"]


@pytest.mark.parametrize(
    ("time", "severity"), [(-HOUR, "warning"), (HOUR, "critical"), (START + HOUR, "warning")]
)
def test_an_error_since_boot_is_critical(time: float, severity: str) -> None:
    """One of the future is not: the clock was wrong then, or is now."""
    player = Player("disk.errors", Case(lambda _: disk(errors=1, last_error=WALL + time)))
    player.give(None)

    assert [each.severity.label for each in player.evaluation.active()] == [severity]


@pytest.mark.parametrize(("route", "severity"), [(True, "warning"), (False, "info"), (None, "info")])
def test_an_unset_clock_with_a_way_to_the_internet_is_a_warning(route: bool | None, severity: str) -> None:
    """One that nobody can set, as in a network of its own, is worth a note."""
    interfaces = {"eth0": {"is_up": True, "default_route": route}, "active_connections": 0}
    readings = {"system": {"clock_synchronized": False}, "interfaces": interfaces}
    player = Player("time.unsynchronised", Case(lambda _: readings))
    player.give(None)

    assert [each.severity.label for each in player.evaluation.active()] == [severity]


def test_a_clock_may_be_unset_for_a_while_after_a_start() -> None:
    player = Player("time.unsynchronised", CASES["time.unsynchronised"])
    player.now = 30.0

    assert player.give(True, 960.0) == []
    assert player.give(True, 120.0) == ["begin"]


@pytest.mark.parametrize(("pages", "told"), [(400, []), (600, ["begin"])])
def test_swapping_is_counted_where_the_kernel_has_no_pressure(pages: int, told: list[str]) -> None:
    def readings(seconds: float) -> dict[str, Any]:
        return memory(50.0, percent=60.0, bytes_in=seconds * pages * 4096, bytes_out=0)

    player = Player("memory.thrash", Case(readings))
    found = []
    for _ in range(20):
        found += player.give(player.now - START)

    assert found == told


def test_a_card_is_judged_a_day_after_the_start_and_a_disk_never() -> None:
    early = Player("disk.writes", Case(lambda _: disk(written_session=90 * GIGA)))
    early.now = HOUR
    assert early.give(None) == []
    assert (
        Player("disk.writes", Case(lambda _: disk(written_session=90 * GIGA, type="NVMe"))).give(None) == []
    )


def test_a_list_of_updates_that_nobody_renews_is_told() -> None:
    """Without updates in it, too."""
    readings = {"system": {"updates": {"pending": 0, "security": 0, "lists_age": 15 * DAY}}}
    player = Player("system.updates", Case(lambda _: readings))
    player.give(None)

    [active] = player.evaluation.active()
    assert _row(active, player.moment)["title"] == "Updates are overdue: the last check was 15 days ago"


def test_a_filesystem_other_than_the_root_that_turned_read_only_is_a_warning() -> None:
    player = Player("disk.read_only", Case(lambda _: filesystem(read_only=True, mountpoint="/srv")))
    player.give(None)

    assert [each.severity.label for each in player.evaluation.active()] == ["warning"]


def test_the_end_of_the_spare_blocks_is_critical() -> None:
    player = Player("disk.worn", Case(lambda _: disk(spare_blocks="urgent")))
    player.give(None)

    assert [each.severity.label for each in player.evaluation.active()] == ["critical"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "the last minute"),
        (61.0, "the last 2 minutes"),
        (3600.0, "the last 60 minutes"),
        (3601.0, "the last 2 hours"),
    ],
)
def test_a_span_in_words_is_never_too_short(seconds: float, words: str) -> None:
    assert within(seconds) == words


@pytest.mark.parametrize(
    ("mountpoint", "title"),
    [("/", "The system disk (/) is 95 % full"), ("/mnt/usb", "/mnt/usb is 95 % full")],
)
def test_the_root_filesystem_is_called_what_an_owner_knows(mountpoint: str, title: str) -> None:
    player = Player("disk.full", Case(lambda _: filesystem(percent=95.0, mountpoint=mountpoint)))
    player.give(None, HOUR)

    [active] = player.evaluation.active()
    assert _row(active, player.moment)["title"] == title


# Trends


def trend(percent: Callable[[float], float], hours: float) -> list[str]:
    """Give what a filesystem is filled to over some hours, and return what began and ended."""
    player = Player("disk.filling", Case(lambda used: filesystem(percent=used)))
    told = []
    for _ in range(int(hours * 60)):
        told += player.give(percent((player.now - START) / HOUR))
        player.now += 30.0
    return told


def test_a_filesystem_that_fills_up_is_noticed() -> None:
    """Two per cent an hour from 60 on: full in less than a day. It ends when it has stopped growing."""
    assert trend(lambda hour: 60 + 2 * hour, 9.0) == ["begin"]
    assert trend(lambda hour: 60 + 2 * min(hour, 10), 18.0) == ["begin", "end"]


@pytest.mark.parametrize(
    "percent",
    [
        pytest.param(lambda hour: 70.0, id="at rest"),
        pytest.param(lambda hour: 60 + 0.5 * hour, id="slow"),
        pytest.param(lambda hour: 20 + 3 * hour, id="half empty"),
        pytest.param(lambda hour: 99.6 + 0.02 * hour, id="nearly full, and a log"),
        pytest.param(lambda hour: 61 + (15 if hour > 5 else 0), id="one large file"),
        pytest.param(lambda hour: 61 + min(max(hour - 4, 0), 2) * 10, id="a backup of two hours"),
        pytest.param(lambda hour: 80 + 10 * math.sin(hour * math.pi), id="to and fro"),
    ],
)
def test_what_is_no_trend_is_none(percent: Callable[[float], float]) -> None:
    assert trend(percent, 12.0) == []


def errors(share: float) -> Callable[[float], dict[str, Any]]:
    """Return a network whose packets have a share of errors, by the time in seconds: 20 packets a second."""

    def readings(seconds: float) -> dict[str, Any]:
        received = int(seconds * 20)
        row = {"packets_recv": received, "packets_sent": 0, "errin": int(received * share / 100), "errout": 0}
        return {"network": {"eth0": row, "active_connections": 1}}

    return readings


@pytest.mark.parametrize(("share", "told"), [(0.0, []), (0.9, []), (1.2, ["begin"])])
def test_errors_of_the_network(share: float, told: list[str]) -> None:
    player = Player("network.errors", Case(errors(share)))
    found = []
    for _ in range(80):
        found += player.give(player.now - START)

    assert found == told


def test_a_few_packets_are_no_measure() -> None:
    """Three errors among fifty packets of an idle interface say nothing."""
    row = {"packets_recv": 50, "packets_sent": 0, "errin": 0, "errout": 0}
    player = Player("network.errors", Case(lambda errin: {"network": {"eth0": {**row, "errin": errin}}}))
    player.give(0, HOUR)

    assert player.give(3, HOUR) == []


@pytest.mark.parametrize(
    ("boots", "graded"),
    [
        (Boots((WALL,), unclean=False, unclean_in_week=0), 0),
        (Boots((WALL,), unclean=True, unclean_in_week=1), 1),
        (Boots((WALL,), unclean=True, unclean_in_week=2), 1),
        (Boots((WALL,), unclean=True, unclean_in_week=3), 2),
        (Boots((WALL,), unclean=False, unclean_in_week=3), 0),
    ],
)
def test_a_start_without_a_shutdown(boots: Boots, graded: int) -> None:
    moment = Moment(100.0, WALL, power(under_voltage_since_boot=False), Past(), boots)

    assert BY_ID["boot.unclean"].measure(moment) == graded
