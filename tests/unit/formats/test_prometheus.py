"""/metrics: what is derived from the declarations, held against the reference parser and against `/stats`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

import pi_system_monitor
from pistat.collectors import ALL, root_filesystem
from pistat.field import Field, Kind, Unit
from pistat.formats import prometheus
from pistat.formats.prometheus import Metrics
from pistat.machine.machine import Machine
from pistat.monitor import self_metrics as own
from pistat.monitor.monitor import Monitor
from pistat.monitor.self_metrics import HERE, SelfMetrics
from pistat.settings import Settings
from support.answer_shape import leaves
from support.recorded_machine import BOARDS, TYPICAL_BOARDS, RecordedMachine, board_names

if TYPE_CHECKING:
    from flask.testing import FlaskClient

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]

OPENMETRICS = {"Accept": "application/openmetrics-text"}
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_TEXT = (
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3"
)


def client_of(board: str) -> FlaskClient:
    machine = RecordedMachine(BOARDS / board)
    return pi_system_monitor.create_app(Settings(rate_limit_enabled=False), machine).test_client()


def scrape(client: FlaskClient, **headers: str) -> str:
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def series(families: Iterable[Any]) -> Series:
    """Every sample by name and labels; one given twice is an error."""
    found: Series = {}
    for family in families:
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def text_of(values: dict[str, Any], *fields: Field) -> str:
    return "".join(Metrics(fields).text(values, openmetrics=False))


@pytest.mark.parametrize("board", TYPICAL_BOARDS)
def test_reference_parsers_read_it(board: str) -> None:
    """The parsers of prometheus_client accept both formats, and find the same series in them."""
    client = client_of(board)

    text, open_text = scrape(client), scrape(client, **OPENMETRICS)

    measured = {key for key in series(parse_text(text)) if key[0].startswith("pistat_")}
    assert len(measured) > 100
    assert measured <= set(series(parse_openmetrics(open_text)))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("board", board_names())
def test_every_figure_is_there_once(board: str) -> None:
    """Each number and flag of the JSON is a sample, in base units; only what is null is left out."""
    client = client_of(board)
    answers: dict[str, Any] = {}
    for route in prometheus.ROUTES:
        answers.update(json.loads(client.get(route.path).data))
    # An interface has all that /stats says of it, and more.
    answers.pop("network")
    figures = [value for _, value in leaves(answers) if isinstance(value, (int, float))]

    found = series(parse_text(scrape(client).partition(FIRST_OF_OWN)[0]))

    named = [name for name, _ in found if not name.endswith("_info") and name != "pistat_finding"]
    assert len(named) == len(figures)
    units = [1, 0.01, 0.001, 0.125, 1e6, 125_000]
    values = {float(f"{value:.9g}") for value in found.values()}
    for figure in figures:
        assert not values.isdisjoint(float(f"{figure * unit:.9g}") for unit in units), figure


FIRST_OF_OWN = f"# HELP {prometheus.OWN.families[0].series}"


def test_base_units() -> None:
    """MHz become hertz, ms seconds, percentages ratios, Mbit/s bytes; the unit ends the name, once."""
    values = {
        "cpu_freq": 1500.0,
        "disk": {"percent": 27.07, "read_time": 302810, "read_bytes": 7},
        "speed": 100,
    }
    fields = (
        Field("cpu_freq", Unit.MEGAHERTZ, "H.", HERE),
        Field("disk.percent", Unit.PERCENT, "H.", HERE),
        Field("disk.read_time", Unit.MILLISECONDS, "H.", HERE, kind=Kind.COUNTER),
        Field("disk.read_bytes", Unit.BYTES, "H.", HERE, kind=Kind.COUNTER),
        Field("speed", Unit.MEGABIT_PER_SECOND, "H.", HERE),
    )

    samples = [line for line in text_of(values, *fields).splitlines() if not line.startswith("#")]

    assert samples == [
        "pistat_cpu_freq_hertz 1500000000.0",
        "pistat_disk_used_ratio 0.2707",
        "pistat_disk_read_time_seconds_total 302.81",
        "pistat_disk_read_bytes_total 7",
        "pistat_speed_bytes_per_second 12500000",
    ]


def test_no_two_fields_share_a_name() -> None:
    """Two different measurements never become one metric; an interface is the same in both its routes."""
    names: dict[str, str] = {}
    for field in (*prometheus.FIELDS, *own.FIELDS):
        path = field.path.replace("interfaces.", "network.")
        for family in Metrics([field]).families:
            if family.kind is not Kind.INFO:
                assert names.setdefault(family.name, path) == path


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ('"quoted"', r"\"quoted\""),
        ("back\\slash", r"back\\slash"),
        ("two\nlines", r"two\nlines"),
        ("clear\x1b[2J", "clear�[2J"),
        ("not \udcff UTF-8", "not � UTF-8"),
        ("grün", "grün"),
    ],
)
def test_labels_are_escaped(value: str, written: str) -> None:
    """A name with quotes, backslashes, ends of lines, control characters or bad UTF-8 stays one label."""
    text = text_of({"n": {value: {"x": 1}}}, Field("n.{name}.x", Unit.COUNT, "H.", HERE))

    assert f'pistat_n_x{{name="{written}"}} 1\n' in text
    assert len(series(parse_text(text.encode().decode()))) == 1


def test_what_is_missing_is_left_out() -> None:
    """Null, NaN and infinities are no samples, and a metric without samples has no HELP either."""
    values: dict[str, Any] = {"a": None, "b": float("nan"), "c": float("inf"), "d": {}, "e": [], "f": 0.0}
    fields = [Field(each, Unit.SECONDS, "H.", HERE) for each in ("a", "b", "c", "d.x", "e[row].x", "f")]

    text = text_of(values, *fields)

    assert text == "# HELP pistat_f_seconds H.\n# TYPE pistat_f_seconds gauge\npistat_f_seconds 0.0\n"


def test_rows_with_the_same_labels() -> None:
    """Of two rows that nothing tells apart one is shown: Prometheus would refuse the scrape."""
    fields = (
        Field("d[row].name", Unit.TEXT, "N.", HERE, kind=Kind.LABEL),
        Field("d[row].x", Unit.COUNT, "H.", HERE),
    )

    text = text_of({"d": [{"name": "sda", "x": 1}, {"name": "sda", "x": 2}]}, *fields)

    assert text.count('pistat_d_x{name="sda"}') == 1


def test_texts_are_labels_of_an_info() -> None:
    """The texts of an object are one series that is always 1; those that are null are no labels."""
    fields = [Field(f"hardware.{each}", Unit.TEXT, "H.", HERE) for each in ("model", "serial", "firmware")]

    text = text_of({"hardware": {"model": "Pi", "serial": None, "firmware": "x"}}, *fields)

    assert text.splitlines()[-1] == 'pistat_hardware_info{model="Pi",firmware="x"} 1'


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, prometheus.TEXT),
        ("*/*", prometheus.TEXT),
        ("text/plain", prometheus.TEXT),
        ("application/json", prometheus.TEXT),
        (PROMETHEUS_2, prometheus.OPENMETRICS),
        (PROMETHEUS_3_TEXT, prometheus.TEXT),
        ("application/openmetrics-text; version=1.0.0", prometheus.OPENMETRICS),
        ("application/openmetrics-text;q=0.3,text/plain;q=0.5", prometheus.TEXT),
        ("application/openmetrics-text;q=0", prometheus.TEXT),
        ("application/openmetrics-text;q=0.3,text/*;q=0.5", prometheus.TEXT),
        ("application/openmetrics-text;q=0.3,*/*;q=0.5", prometheus.TEXT),
        ("application/openmetrics-text;q=0.3,text/plain;q=0.2,*/*;q=0.5", prometheus.OPENMETRICS),
        (PROMETHEUS_3, prometheus.OPENMETRICS),
    ],
)
def test_format_is_negotiated(accept: str | None, expected: str) -> None:
    """OpenMetrics for whoever asks for it by name and likes it no less than text; text for all others."""
    headers = {"Accept": accept} if accept else {}

    response = client_of(TYPICAL_BOARDS[0]).get("/metrics", headers=headers)

    assert response.headers["Content-Type"] == expected
    assert response.get_data(as_text=True).endswith("# EOF\n") == (expected == prometheus.OPENMETRICS)
    assert "Accept" in response.headers["Vary"]


# Our own cost


def own_of(client: FlaskClient) -> Series:
    return series(parse_text(FIRST_OF_OWN + scrape(client).partition(FIRST_OF_OWN)[2]))


def test_requests_are_counted_by_route_and_status() -> None:
    """Known routes by name, all others as one, however many names clients think of."""
    client = client_of(TYPICAL_BOARDS[0])
    for target in ("/stats", "/stats", "/stats?fields=bogus", "/nothing/1", "/nothing/2", "/"):
        client.get(target)
    client.post("/stats")

    found = {
        tuple(sorted(labels)): value for (name, labels), value in own_of(client).items() if "requests" in name
    }

    assert found == {
        (("route", "/"), ("status", "200")): 1,
        (("route", "/stats"), ("status", "200")): 2,
        (("route", "/stats"), ("status", "400")): 1,
        (("route", "other"), ("status", "404")): 2,
        (("route", "other"), ("status", "405")): 1,
    }


def test_cache_hits_are_counted() -> None:
    """An answer for which nothing was read is a hit, also for keys that nobody has asked for together."""
    count, machine = SelfMetrics(), RecordedMachine(BOARDS / TYPICAL_BOARDS[0])
    monitor = Monitor(machine, 2.0, count)

    for keys in (("memory", "uptime"), ("memory", "uptime"), ("memory",)):
        monitor.answer(keys)
        machine.now += 0.1
    monitor.answer(("memory",), fresh=True)

    assert count.values(())["cache"] == {"hits": 2, "misses": 2}


def test_failures_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that fails counts once a run, however many answers share it, until it works again."""

    def fail(machine: Machine) -> None:
        raise PermissionError

    count, machine = SelfMetrics(), RecordedMachine(BOARDS / TYPICAL_BOARDS[0])
    monitor = Monitor(machine, 1.0, count)
    with monkeypatch.context() as broken:
        # It is frozen, so its attribute is put where it lies.
        broken.setitem(vars(root_filesystem.disk), "read", fail)
        monitor.answer(("disk",))
        monitor.answer(("disk", "disk"))
        machine.now += 10
        monitor.answer(("disk",))
        failed = row_of(count, monitor)
    machine.now += 10
    monitor.answer(("disk",))

    assert (failed["success"], failed["runs"], failed["failures"]) == (False, 2, 2)
    assert count.last_error == "disk: not permitted"
    assert (row_of(count, monitor)["success"], row_of(count, monitor)["failures"]) == (True, 2)


def row_of(count: SelfMetrics, monitor: Monitor) -> dict[str, Any]:
    rows: list[dict[str, Any]] = count.values(monitor.failing)["collectors"]
    assert [each["collector"] for each in rows] == [each.name for each in ALL]
    return next(each for each in rows if each["collector"] == root_filesystem.disk.name)


def test_what_has_not_run_has_neither_succeeded_nor_failed() -> None:
    """The processes are not measured for Prometheus: no success is claimed for them."""
    found = own_of(client_of(TYPICAL_BOARDS[0]))

    success = {dict(labels)["collector"] for name, labels in found if name == "pistat_collector_success"}
    assert success == {each.name for each in ALL if not set(each.keys).isdisjoint(prometheus.KEYS)}


def test_the_process_tells_its_cost() -> None:
    """CPU time, memory, descriptors and threads, under the names that all clients of Prometheus use."""
    found = {name: value for (name, _), value in own_of(client_of(TYPICAL_BOARDS[0])).items()}

    assert found["process_cpu_seconds_total"] > 0
    assert found["process_resident_memory_bytes"] > 1e6
    assert found["process_open_fds"] > 2
    assert found["process_threads"] >= 1


def test_nothing_of_a_client_becomes_a_label() -> None:
    """The series do not grow with what clients send."""
    client = client_of(TYPICAL_BOARDS[0])
    client.get("/nothing")
    client.get("/stats")
    before = len(own_of(client))
    scrapes = 1  # the first one counted itself after it was written

    for number in range(50):
        client.get(f"/nothing/{number}", headers={"Host": f"h{number}", "User-Agent": str(number)})
        client.get("/stats", headers={"X-Forwarded-For": f"192.0.2.{number}"})

    assert len(own_of(client)) == before + scrapes


def test_names_are_legal() -> None:
    """Every name of a metric and a label is one that Prometheus and OpenMetrics accept."""
    for family in (*prometheus.MEASURED.families, *prometheus.OWN.families):
        assert re.fullmatch(r"(pistat|process)(_[a-z0-9]+)+", family.name), family
        assert not family.name.endswith(("_total", "_info", "_count", "_sum", "_bucket")), family
        assert family.help.endswith("."), family


def test_points_in_time_are_called_so() -> None:
    """What is seconds since 1970 says `timestamp`: nobody shall take it for a duration."""
    times = [field for field in (*prometheus.FIELDS, *own.FIELDS) if field.unit is Unit.UNIX_TIME]

    assert times
    for field in times:
        [family] = Metrics([field]).families
        assert family.name.endswith("_timestamp_seconds"), family
