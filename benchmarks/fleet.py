"""Unit costs of many agents and many cassettes, and the plan that follows from them.

    python -m benchmarks.fleet [--smoke] [--agents N] [--cassettes N] [--triples N] [--workers N]
    python -m benchmarks.fleet --write docs/scaling.md          # puts the tables into the page

Prints the tables of docs/scaling.md: what was measured, how many recorders so many agents need, and how long so many
cassettes take to catalogue. Everything is on this machine: the server behind the recorder does nothing, the store is
moto's server of S3, and all costs are CPU time, bytes and requests, which hold on other machines of its kind.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from benchmarks import load
from benchmarks.catalogue_files import DAYS, one
from benchmarks.fleet_plan import Costs, Fleet, cataloguing, measured, placed, recording, tables
from benchmarks.polls import _hold, _module, _resident, _wait_until_idle
from benchmarks.polls_clients import Clients
from benchmarks.proxies import OURS, cassette, measure, proxy
from benchmarks.rows import Row, Scale
from benchmarks.synthetic import HEADER, records
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.library.sealing import seal
from tests.lab.line import Line
from tests.lab.processes import RECORDER, serving
from tests.lab.s3 import BUCKET, s3

COMMAND = "python -m benchmarks --only fleet"
_WRITES = re.compile(r"(PUT|POST|COPY) |.*[?&]list-type=")  # what stores charge as puts; all else is a get


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        rounds: Of recorded exchanges, each of `exchanges`.
        polls: Held at once: first so many, then so many.
        triples: Of the cassette that is sealed, archived and shown.
        cassettes: That are catalogued, each with `each` triples.
        users: Of Locust, for `seconds`.
    """

    rounds: int
    exchanges: int
    polls: tuple[int, int]
    triples: int
    cassettes: int
    each: int
    users: int
    seconds: int


SIZES = {
    Scale.FULL: Size(5, 800, (500, 2000), 5000, 40, 100, 20, 8),
    Scale.SMOKE: Size(1, 160, (20, 60), 1200, 4, 20, 4, 2),
}


def costs(size: Size, told: Callable[[str], None] = lambda _: None) -> Costs:
    """Measure all unit costs; `told` is called with the name of each part before it begins."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        told("recorded exchanges")
        exchange = median(measure(folder, size.rounds, size.exchanges, (OURS,))[OURS].cpu)
        told("held polls")
        held = _held(folder, size.polls)
        told("sealing")
        sealing = _sealing(folder, size.triples)
        told("cataloguing")
        catalogue = _catalogue(folder, size.cassettes, size.each)
        told("a store")
        store = _store(folder, size)
        told("load")
        load.written(folder, size.users)
        sessions = load.run(folder, "ours", size.users, size.seconds).rate
    return Costs(exchange=exchange, **held, **sealing, **catalogue, **store, sessions=sessions)


def rows(scale: Scale) -> list[Row]:
    """Return the rows of the table: the plan has no target."""
    found, fleet = costs(SIZES[scale]), Fleet()
    recorders, catalogued = list(recording(found, fleet)), list(cataloguing(found, fleet))
    facts = tuple(f"{what}: {cost}." for what, cost in (_cells(line) for line in measured(found).splitlines()[2:]))
    return [
        Row(f"recorders for {fleet.agents:,} agents", "", _value(recorders, "recorders"), None, COMMAND, facts),
        Row(
            f"hours in which {fleet.workers} cores catalogue {fleet.cassettes:,} cassettes of {fleet.triples} triples",
            "",
            _value(catalogued, f"time on {fleet.workers} cores"),
            None,
            COMMAND,
            tuple(f"{line.what}: {line.formula} = {line.value}." for line in (*recorders, *catalogued)),
        ),
    ]


def _value(lines: list[Any], what: str) -> str:
    return next(str(line.value) for line in lines if line.what == what)


def _cells(line: str) -> tuple[str, str]:
    what, cost = line.strip("| ").split(" | ")
    return what, cost


# Recording


def _held(folder: Path, polls: tuple[int, int]) -> dict[str, float]:
    """Hold polls through a recorder, first some, then more; what each of the later ones takes is told."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    (folder / "held").mkdir()
    path = cassette(folder / "held", OURS)
    few, many = polls
    with (
        serving([sys.executable, *_module("bare")], ready="listening on ") as server,
        proxy(folder / "held", OURS, server) as between,
    ):
        pid, port = between.process.pid, urlsplit(between.url).port or 0
        empty = _resident(pid)
        with Clients("127.0.0.1", port, few) as first, Clients("127.0.0.1", port, many - few) as rest:
            _hold(first)
            _wait_until_idle(pid)
            some = _resident(pid)
            _hold(rest)
            _wait_until_idle(pid)
            all_of_them = _resident(pid)
    # Four exchanges of each client: handshake, subscription, a poll that is answered at once, a poll that is held.
    exchanges, journal = 4 * many, path.stat().st_size
    seal(path, path, archive=True)
    return {
        "empty": empty / 1024,
        "poll": max((all_of_them - some) / (many - few), (all_of_them - empty) / many),
        "idle": journal / exchanges,
        "idle_archived": path.stat().st_size / exchanges,
    }


# Files


def _sealing(folder: Path, triples: int) -> dict[str, float]:
    """Seal and archive a journal; start-up is not measured."""
    path = folder / "day.cassette"
    journal = create(path, replace(HEADER, redaction="gws"))
    journal.append([encode(record) for record in records(triples)])
    journal.close()
    forms = {"sealed": folder / "sealed.cassette", "archive": folder / "archive.cassette"}
    spent = {}
    for name, target in forms.items():
        before = time.process_time()
        seal(path, target, archive=name == "archive")
        spent[name] = time.process_time() - before
    sizes = {name: target.stat().st_size / triples for name, target in forms.items()}
    return {
        "journal": path.stat().st_size / triples,
        **sizes,
        "seal": triples / spent["sealed"],
        "archiving": triples / spent["archive"],
    }


def _archives(folder: Path, count: int, triples: int) -> Path:
    """Write archives, each of another session, all of one day as those of a large catalogue are."""
    for place in range(count):
        path = folder / f"{place:04}.cassette"
        one(path, triples, place * DAYS)
        seal(path, path, archive=True)
    return folder


def _catalogue(folder: Path, count: int, triples: int) -> dict[str, float]:
    """Catalogue archives in this process, after two that do not count."""
    from recorder.fleet.catalogue.building import build
    from recorder.fleet.catalogue.reading import Settings

    def built(patterns: Path, output: str) -> int:
        return build([str(patterns)], str(folder / output), lambda make, given, items: map(make(*given), items),
                     Settings()).size  # fmt: skip

    built(_archives(folder / "warm", 2, triples), "warm-catalogue")
    files = _archives(folder / "many", count, triples)
    before = time.process_time()
    size = built(files, "catalogue")
    spent = time.process_time() - before
    return {"catalogue": count * triples / spent, "parquet": size / (count * triples)}


# A store


def _store(folder: Path, size: Size) -> dict[str, float]:
    """Count the requests to a server of S3: of putting, cataloguing and showing."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else it prints each request
    with s3() as environment, Line(environment["AWS_ENDPOINT_URL"]) as line:
        counted = os.environ | environment | {"AWS_ENDPOINT_URL": line.url}

        def asked(*arguments: str) -> tuple[int, int, int]:
            """Run a command; return its puts, its gets and the bytes that came."""
            line.requests.clear()
            line.received = 0
            subprocess.run([RECORDER, *arguments], env=counted, stdout=subprocess.PIPE, check=True)
            writes = sum(_WRITES.match(request) is not None for request in line.requests)
            return writes, len(line.requests) - writes, line.received

        put = asked("seal", str(folder / "archive.cassette"), "-o", f"s3://{BUCKET}/day.cassette", "--archive")
        _, show, received = asked("show", f"s3://{BUCKET}/day.cassette", str(size.triples // 4))
        gets = []
        files = sorted((folder / "many").iterdir())
        for there, some in (("few", files[: len(files) // 2]), ("many", files)):
            _put(some, f"{BUCKET}/{there}")
            built = (
                "build",
                f"s3://{BUCKET}/{there}/*.cassette",
                "-o",
                f"s3://{BUCKET}/catalogue-{there}",
                "--jobs",
                "1",
            )
            gets.append(asked("catalogue", *built)[1])
    return {
        "puts": put[0] + put[1],
        "gets": (gets[1] - gets[0]) / (len(files) - len(files) // 2),
        "show_requests": show,
        "show_bytes": received,
    }


def _put(files: list[Path], there: str) -> None:
    import fsspec

    store = fsspec.filesystem("s3")
    for path in files:
        store.put_file(str(path), f"{there}/{path.name}")


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the tables."""
    usual = Fleet()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small and short: shows that it runs")
    for name in ("agents", "cassettes", "triples", "workers"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page, too")
    options = parser.parse_args(arguments)
    fleet = replace(
        usual, agents=options.agents, cassettes=options.cassettes, triples=options.triples, workers=options.workers
    )
    found = costs(SIZES[Scale.SMOKE if options.smoke else Scale.FULL], lambda part: print(part, file=sys.stderr))
    made = tables(found, fleet)
    print(*made.values(), sep="\n\n")
    if options.write:
        options.write.write_text(placed(options.write.read_text(), made))


if __name__ == "__main__":
    main()
