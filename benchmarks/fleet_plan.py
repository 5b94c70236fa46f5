"""The plan for many agents and many cassettes: arithmetic over what was measured and what is assumed.

`python -m benchmarks.fleet` measures the costs and prints the tables of this module; docs/scaling.md has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

_GB = 1e9
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Costs:
    """Unit costs, as they were measured.

    Attributes:
        exchange: Microseconds of the recorder's CPU time for each exchange, redacted.
        empty: MiB of resident memory of a recorder that holds nothing.
        poll: KiB of resident memory for each held poll.
        idle: Bytes in a journal for each exchange without events.
        idle_archived: The same in an archive.
        journal: Bytes in a journal for each triple, with the poll that brings its events.
        sealed: The same in a sealed cassette.
        archive: The same in an archive.
        seal: Triples that are sealed in a second of CPU time.
        archiving: Triples that are archived in a second of CPU time.
        catalogue: Triples that are catalogued in a second of CPU time.
        parquet: Bytes in the tables of a catalogue for each triple.
        puts: Requests to a store for a cassette that is put there.
        gets: Requests to a store for a cassette that is catalogued.
        show_requests: Requests to a store for a triple that is shown.
        show_bytes: Bytes that come over the wire for it.
        sessions: Sessions of twenty operations that Locust plays in a second of CPU time.
    """

    exchange: float
    empty: float
    poll: float
    idle: float
    idle_archived: float
    journal: float
    sealed: float
    archive: float
    seal: float
    archiving: float
    catalogue: float
    parquet: float
    puts: float
    gets: float
    show_requests: float
    show_bytes: float
    sessions: float


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of an object store, in its currency: for a GB in a month, for 1,000 puts, for 1,000 gets."""

    month: float = 0.023
    puts: float = 0.005
    gets: float = 0.0004


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is assumed.

    Attributes:
        agents: Agents at work at the same time.
        hours: Length of a shift.
        operations: Operations of an agent in an hour: 160,000 of 400 agents in eight hours.
        held: Seconds after which a poll without events is answered.
        peak: How many times the operations of an average second come in a busy one.
        busy: Share of a core that a recorder may take in such a second.
        cassettes: Cassettes in the store.
        triples: Triples in each.
        workers: Cores that build the catalogue.
        prices: Of the object store.
    """

    agents: int = 10_000
    hours: float = 8.0
    operations: float = 50.0
    held: float = 30.0
    peak: float = 3.0
    busy: float = 0.5
    cassettes: int = 1_000_000
    triples: int = 100
    workers: int = 16
    prices: Prices = Prices()


class Line(NamedTuple):
    """A line of the plan: a quantity, how it is computed, and its value with the unit."""

    what: str
    formula: str
    value: str


def recording(costs: Costs, fleet: Fleet) -> Iterator[Line]:
    """Yield how many recorders the agents need, and what they write."""
    idle = _HOUR / fleet.held
    usual = fleet.agents * (2 * fleet.operations + idle) / _HOUR
    busy = fleet.agents * (2 * fleet.operations * fleet.peak + idle) / _HOUR
    cores = busy * costs.exchange / 1e6
    recorders = ceil(cores / fleet.busy)
    each = ceil(fleet.agents / recorders)
    triples = fleet.agents * fleet.operations * fleet.hours
    polls = fleet.agents * idle * fleet.hours
    journal = (triples * costs.journal + polls * costs.idle) / _GB
    archive = (triples * costs.archive + polls * costs.idle_archived) / _GB
    yield Line(
        "exchanges a second, on average",
        f"agents × (2 × {fleet.operations:g} operations + {idle:g} idle polls) ÷ {_HOUR} s",
        f"{usual:,.0f}",
    )
    yield Line("exchanges a second, in a busy one", f"operations and their polls × {fleet.peak:g}", f"{busy:,.0f}")
    yield Line("cores that recording takes then", f"× {costs.exchange:,.0f} µs", f"{cores:.1f}")
    yield Line("recorders", f"a process on a core of its own, ≤ {fleet.busy:.0%} busy", f"{recorders}")
    yield Line("agents for each recorder", "agents ÷ recorders", f"{each:,}")
    yield Line(
        "memory of each recorder",
        f"{costs.empty:.0f} MiB + agents × {costs.poll:.0f} KiB",
        f"{costs.empty + each * costs.poll / 1024:,.0f} MiB",
    )
    yield Line("triples a day", f"agents × {fleet.operations:g} × {fleet.hours:g} h", f"{triples:,.0f}")
    yield Line(
        "journals a day, all recorders",
        f"triples × {costs.journal:,.0f} bytes + idle polls × {costs.idle:,.0f} bytes",
        f"{journal:,.0f} GB",
    )
    yield Line("journals a day, each recorder", "÷ recorders", f"{journal / recorders:,.1f} GB")
    yield Line(
        "archives a day, all recorders",
        f"triples × {costs.archive:,.0f} bytes + idle polls × {costs.idle_archived:,.0f} bytes",
        f"{archive:,.1f} GB",
    )
    yield Line(
        "CPU time to archive a day",
        f"triples ÷ {costs.archiving:,.0f} a second",
        f"{triples / costs.archiving / _HOUR:,.1f} h",
    )


def cataloguing(costs: Costs, fleet: Fleet) -> Iterator[Line]:
    """Yield how long the cassettes take to catalogue, and what they and their catalogue cost in a store."""
    triples = fleet.cassettes * fleet.triples
    hours = triples / costs.catalogue / _HOUR
    cassettes, tables = triples * costs.archive / _GB, triples * costs.parquet / _GB
    puts, gets = fleet.cassettes * costs.puts, fleet.cassettes * costs.gets
    prices = fleet.prices
    month = (cassettes + tables) * prices.month
    yield Line("triples", f"cassettes × {fleet.triples}", f"{triples:,}")
    yield Line("cassettes a second and core", f"{costs.catalogue:,.0f} triples a second ÷ {fleet.triples}",
               f"{costs.catalogue / fleet.triples:.1f}")  # fmt: skip
    yield Line("CPU time of a first build", f"triples ÷ {costs.catalogue:,.0f} a second", f"{hours:,.0f} h")
    yield Line(f"time on {fleet.workers} cores", f"÷ {fleet.workers}", f"{hours / fleet.workers:,.1f} h")
    yield Line(
        "CPU time after 10,000 changes",
        f"10,000 × {fleet.triples} triples ÷ {costs.catalogue:,.0f} a second",
        f"{60 * 10_000 * fleet.triples / costs.catalogue / _HOUR:,.0f} min",
    )
    yield Line("archives in the store", f"triples × {costs.archive:,.0f} bytes", f"{cassettes:,.0f} GB")
    yield Line("catalogue in the store", f"triples × {costs.parquet:,.0f} bytes", f"{tables:,.1f} GB")
    yield Line("puts", f"cassettes × {costs.puts:.1f} requests", f"{puts / 1e6:,.1f} million")
    yield Line("gets of a first build", f"cassettes × {costs.gets:.1f} requests", f"{gets / 1e6:,.1f} million")
    yield Line("example: a month of storage", f"GB × ${prices.month:g}", f"${month:,.2f}")
    yield Line("example: all puts, once", f"÷ 1,000 × ${prices.puts:g}", f"${puts / 1000 * prices.puts:,.2f}")
    yield Line("example: a first build", f"÷ 1,000 × ${prices.gets:g}", f"${gets / 1000 * prices.gets:,.2f}")
    yield Line(
        "example: a million triples shown",
        f"{costs.show_requests:.0f} requests each ÷ 1,000 × ${prices.gets:g}",
        f"${1e6 * costs.show_requests / 1000 * prices.gets:,.2f}",
    )


def table(lines: Iterator[Line], head: str) -> str:
    """Return lines as a table in Markdown; `head` names the quantities."""
    rows = (f"| {line.what} | {line.formula} | {line.value} |" for line in lines)
    return "\n".join([f"| {head} | computed | |", "|---|---|---|", *rows])


def measured(costs: Costs) -> str:
    """Return the unit costs as a table in Markdown."""
    rows = (
        ("a recorded exchange, redacted", f"{costs.exchange:,.0f} µs of CPU"),
        ("a recorder that holds nothing", f"{costs.empty:.0f} MiB"),
        ("a held poll through a recorder", f"{costs.poll:.0f} KiB"),
        ("an exchange without events",
         f"{costs.idle:,.0f} bytes in a journal, {costs.idle_archived:,.0f} in an archive"),
        ("a triple, with the poll of its events",
         f"{costs.journal:,.0f} bytes in a journal, {costs.sealed:,.0f} sealed, {costs.archive:,.0f} in an archive"),
        ("sealing", f"{costs.seal:,.0f} triples a second of CPU; as an archive {costs.archiving:,.0f}"),
        ("cataloguing",
         f"{costs.catalogue:,.0f} triples a second of CPU; {costs.parquet:,.0f} bytes a triple in Parquet"),
        ("a cassette that is put into a store", f"{costs.puts:.1f} requests"),
        ("a cassette that is catalogued from a store", f"{costs.gets:.1f} requests"),
        ("`show` of a triple in a store",
         f"{costs.show_requests:.0f} requests, {costs.show_bytes / 1e6:.2f} MB"),
        ("load: sessions of twenty operations", f"{costs.sessions:.1f} a second of CPU"),
    )  # fmt: skip
    return "\n".join(["| unit | cost |", "|---|---|", *(f"| {what} | {cost} |" for what, cost in rows)])


def tables(costs: Costs, fleet: Fleet) -> dict[str, str]:
    """Return the tables of the page by name."""
    return {
        "costs": measured(costs),
        "recording": table(recording(costs, fleet), f"{fleet.agents:,} agents"),
        "cataloguing": table(cataloguing(costs, fleet), f"{fleet.cassettes:,} cassettes"),
    }


def placed(page: str, found: Mapping[str, str]) -> str:
    """Return a page with new tables, each behind the comment `<!-- fleet: NAME -->`.

    Raises:
        ValueError: If the page has no place for a table.
    """
    for name, text in found.items():
        place = rf"(<!-- fleet: {name} -->\n\n)(?:(?:\|.*\n)+\n)?"
        page, count = re.subn(place, lambda at, text=text: f"{at[1]}{text}\n\n", page)
        if count != 1:
            raise ValueError(f"the page has {count} places for the table of {name}")
    return page
