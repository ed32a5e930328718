"""The figures as tables of Markdown, beside the budgets, and beside those of an earlier run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]
Figure = Callable[[Results], float]


@dataclass(frozen=True)
class Budget:
    """What one thing may cost, as a ratio or in a unit, and what it does cost."""

    name: str
    budget: float
    figure: Figure
    unit: str = ""


def cpu(scenario: str, name: str) -> Figure:
    """Return the median of a target."""
    return lambda results: float(results[scenario]["cpu"][name]["median"])


def ratio(one: Figure, other: Figure) -> Figure:
    return lambda results: one(results) / other(results)


def clients(name: str, key: str) -> Figure:
    return lambda results: float(results["plain"]["throughput"][name][key])


FRESH, CACHED = "pi-stat /stats?cache=false", "pi-stat /stats, cached"
LIMITED = f"{CACHED}, limiter on"
TEN, LINKS = "pi-stat /processes?limit=10", "pi-stat /network/interfaces"
DEVICES, HISTORY = "pi-stat /storage/devices", "/history?range=24h&metrics=load_1"
SIXTEEN, BARE = "pi-stat /stats, 16 clients", "bare Flask route"
WAITRESS, NODE = f"{BARE}, plain waitress", "node_exporter /metrics"


def of_bare(scenario: str) -> Figure:
    """Compare a fresh /stats with a bare Flask route in the same scenario: scenarios are minutes apart."""
    return ratio(cpu(scenario, FRESH), cpu(scenario, BARE))


def percent(name: str) -> Figure:
    """Return the share of a core that something takes, in percent."""
    return lambda results: float(results["plain"]["percent"][name])


def plain(one: str, other: str) -> Figure:
    """Compare two targets on a usual machine."""
    return ratio(cpu("plain", one), cpu("plain", other))


def resident(requests: str) -> Figure:
    """Return the RSS after so many requests, in MiB."""
    return lambda results: float(results["plain"]["memory"]["pi-stat"][requests][0])


PERCENT, RSS, PSS = range(3)


def more(one: str, other: str, column: int) -> Figure:
    """Return by how much one of the programs of the MQTT scenario is beyond another."""
    return lambda results: float(results["MQTT"][one][column] - results["MQTT"][other][column])


BUDGETS = (
    Budget("fresh /stats, of node_exporter's /metrics", 0.11, plain(FRESH, NODE)),
    Budget("fresh /stats, of plain waitress with a bare Flask route", 2.6, plain(FRESH, WAITRESS)),
    Budget("cached /stats with limiter, of the same", 1.3, plain(LIMITED, WAITRESS)),
    Budget("/metrics, nothing cached, of node_exporter's", 0.2, plain("pi-stat /metrics", NODE)),
    Budget("/api/4/all, of Glances' own", 0.6, plain("pi-stat /api/4/all", "Glances /api/4/all")),
    Budget("/api/4/quicklook, of a cached /stats", 1.5, plain("pi-stat /api/4/quicklook", CACHED)),
    Budget("/diagnosis, of a cached /stats", 2.0, plain("pi-stat /diagnosis", CACHED)),
    Budget("/history, of a cached /stats", 6.0, plain(f"pi-stat {HISTORY}", CACHED)),
    Budget("/top, of a cached /stats", 4.0, plain("pi-stat /top", CACHED)),
    Budget(
        "/processes?limit=10 at 1,000 processes, of ps aux",
        0.22,
        ratio(cpu("1,000 processes", TEN), cpu("1,000 processes", "ps aux")),
    ),
    Budget(
        "/processes from 1,000 to 5,000 processes",
        5.5,
        ratio(cpu("5,000 processes", TEN), cpu("1,000 processes", TEN)),
    ),
    Budget(
        "/stats with 20,000 sockets, of that with 100 (each of a bare route then)",
        1.1,
        ratio(of_bare("20,000 sockets"), of_bare("100 sockets")),
    ),
    Budget(
        "/network/interfaces at 200, of psutil's three calls",
        0.4,
        ratio(cpu("200 interfaces", LINKS), cpu("200 interfaces", "psutil, three calls")),
    ),
    Budget(
        "/storage/devices at 200 mounts, of psutil's partitions and usages",
        1.5,
        ratio(cpu("200 mounts", DEVICES), cpu("200 mounts", "psutil, partitions and usages")),
    ),
    Budget("/stats polled once a second", 0.2, percent("pi-stat /stats once a second"), "%"),
    Budget("/processes polled once a second", 0.45, percent("pi-stat /processes once a second"), "%"),
    Budget("idle CPU", 0.04, percent("pi-stat, idle"), "%"),
    Budget("RSS after 10,000 mixed requests", 36, resident("10000"), "MiB"),
    Budget(
        "growth of the RSS over the last 5,000",
        0.5,
        lambda results: resident("10000")(results) - resident("5000")(results),
        "MiB",
    ),
    Budget(
        "start to the first answer of /stats",
        0.33,
        lambda results: statistics.median(results["plain"]["start"]),
        "s",
    ),
    Budget(
        "16 clients: time for an answer, of plain waitress",
        1.25,
        ratio(clients(f"{WAITRESS}, 16 clients", "per_second"), clients(SIXTEEN, "per_second")),
    ),
    Budget("MQTT: RSS beyond that without", 1, more("with MQTT", "without", RSS), "MiB"),
    Budget("MQTT: idle CPU beyond that without", 0.01, more("with MQTT", "without", PERCENT), "%"),
    Budget("TLS: PSS beyond that of MQTT alone", 2.5, more("with MQTT over TLS", "with MQTT", PSS), "MiB"),
    Budget("16 clients: errors", 0, clients(SIXTEEN, "errors")),
    Budget("16 clients: p99 of p50", 10, ratio(clients(SIXTEEN, "p99"), clients(SIXTEEN, "p50"))),
)
"""What a figure may be; the ratios are of one run, where both sides had the same machine at the same time."""


def table(head: str, rows: list[list[str]]) -> Iterator[str]:
    """Yield a table of Markdown: the first column to the left, figures to the right."""
    names = head.split("|")
    yield "| " + " | ".join(names) + " |"
    yield "|---" + "|--:" * (len(names) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def markdown(results: Results, earlier: Results | None = None) -> str:
    """Return all tables of a run."""
    lines = ["## Budgets", "", *_budgets(results), "## CPU time and latency", ""]
    plain = results.get("plain")
    if plain:
        lines += _cpu(plain["cpu"], (earlier or {}).get("plain", {}).get("cpu", {}))
    lines += _crowded({name: found for name, found in results.items() if name not in {"plain", "MQTT"}})
    if plain:
        lines += ["## Many clients", "", *_clients(plain), "## Memory, MiB", "", *_memory(plain)]
        lines += ["## Left alone, or asked once a second", "", *_percent(plain)]
    if results.get("MQTT"):
        lines += ["## MQTT", "", *_mqtt(results["MQTT"])]
    return "\n".join(lines)


def _mqtt(found: Results) -> Iterator[str]:
    rows = [
        [f"pi-stat {name}", f"{percent:.4f} %", f"{rss:.2f}", f"{pss:.2f}"]
        for name, (percent, rss, pss) in found.items()
    ]
    return table("what|of a core, idle|RSS, MiB|PSS, MiB", rows)


def _budgets(results: Results) -> Iterator[str]:
    rows = []
    for each in BUDGETS:
        try:
            found = each.figure(results)
        except KeyError:
            continue
        verdict = "met" if found <= each.budget else "**missed**"
        rows.append([each.name, f"{each.budget:.3g} {each.unit}", f"{found:.3g} {each.unit}", verdict])
    return table("what|budget|is|", rows)


def _cpu(found: Results, earlier: Results) -> Iterator[str]:
    """Yield what each program takes on a usual machine."""
    rows = []
    for name, each in found.items():
        spread = f"{each['median']:.3f} ({min(each['ms']):.3f}-{max(each['ms']):.3f})"
        late = [f"{each[key]:.2f}" if key in each else "" for key in ("p50", "p99")]
        rows.append([name, spread, *late])
        if earlier:
            before = earlier.get(name)
            rows[-1].append(f"{each['median'] / before['median']:.2f} x" if before else "")
    head = "what|CPU ms each, median (least-most)|p50 ms|p99 ms"
    return table(head + ("|of the earlier run" if earlier else ""), rows)


def _crowded(scenarios: Results) -> Iterator[str]:
    """Yield the medians where there is much of something: a column for each scenario."""
    names = list(dict.fromkeys(name for found in scenarios.values() for name in found["cpu"]))
    rows = []
    for name in names:
        medians = [found["cpu"].get(name, {}).get("median") for found in scenarios.values()]
        rows.append([name, *("" if each is None else f"{each:.3f}" for each in medians)])
    return table("|".join(["CPU ms each, median, with", *scenarios]), rows)


def _clients(plain: Results) -> Iterator[str]:
    rows = [
        [
            name,
            f"{each['per_second']:.0f} ({min(each['rates']):.0f}-{max(each['rates']):.0f})",
            str(each["errors"]),
            f"{each['p50']:.1f}",
            f"{each['p99']:.1f}",
        ]
        for name, each in plain["throughput"].items()
    ]
    return table("what|answers a second, median (least-most)|errors|p50 ms|p99 ms", rows)


def _memory(plain: Results) -> Iterator[str]:
    steps = list(plain["memory"]["pi-stat"])
    rows = []
    for name, found in plain["memory"].items():
        both = [found.get(step) for step in steps]
        rows.append([name, *("" if each is None else f"{each[0]:.1f}, {each[1]:.1f}" for each in both)])
    return table("|".join(["RSS, PSS after requests", *(f"{int(step):,}" for step in steps)]), rows)


def _percent(plain: Results) -> Iterator[str]:
    rows = [[name, f"{found:.3f} %"] for name, found in plain["percent"].items()]
    starts = plain["start"]
    rows.append(
        [
            "start to the first answer, s",
            f"{statistics.median(starts):.3f} ({min(starts):.3f}-{max(starts):.3f})",
        ]
    )
    return table("what|of a core", rows)
