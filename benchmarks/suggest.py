"""How good a dialect is that is derived from traffic, beside one that was written by hand.

    python -m benchmarks.suggest [--lab NAME] [--rate RATE] [--no-replay] [--also CASSETTE LOG [--dialect FILE]]

Each lab was recorded once from real clients, with the truth of its server (tests/cassettes/labs). Under each dialect
the events are linked, held against the truth, and replayed to the clients again, with other ids where a client makes
ids.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.labs import CASSETTES, LABS, Played
from benchmarks.rows import Row, Scale, not_measured
from recorder.cassette.reader import read as read_cassette
from recorder.dialect.definition import Dialect
from recorder.errors import RecorderError
from tests.lab.lab import LabError, available
from tests.lab.truth import Counts, counts, joined, judged, read

SURE = 0.9
LEAST = 0.9  # of the caused events, under a dialect that was suggested
_COMMAND = "python -m benchmarks.suggest"


@dataclass(frozen=True, slots=True)
class Result:
    """What a dialect makes of a lab; `links` and `played` are None where there are none, and `note` may say why."""

    lab: str
    dialect: str
    links: Counts | None = None
    played: Played | None = None
    note: str = ""

    @property
    def sure_and_wrong(self) -> int:
        """Wrong links of a confidence that says they are right."""
        return 0 if self.links is None else self.links.wrong_from(SURE)

    @property
    def holds(self) -> bool:
        """Whether enough is linked, nothing sure is wrong, and in a replay, if there was one, no event nor id is."""
        enough = self.links is not None and self.links.share >= LEAST
        replayed = not self.note if self.played is None else not (self.played.early or self.played.wrong)
        return enough and not self.sure_and_wrong and replayed


def results(names: Sequence[str], rate: str | None) -> Iterator[Result]:
    """Try the two dialects of each lab; `rate` None replays nothing."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            yield _tried(name, "by hand", LABS[name].by_hand, rate)
            yield _suggested(name, Path(folder), rate)


def _suggested(name: str, folder: Path, rate: str | None) -> Result:
    try:
        from recorder.suggest import suggest
    except ImportError:
        return Result(name, "suggested", note="nothing suggests dialects here")
    text = suggest([read_cassette(CASSETTES / f"{name}.cassette")]).text
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return _tried(name, "suggested", str(path), rate)


def _tried(name: str, kind: str, source: str, rate: str | None) -> Result:
    cassette = CASSETTES / f"{name}.cassette"
    try:
        links = counts(judged(cassette, Dialect.load(source), read(cassette.with_suffix(".truth.json"))))
    except RecorderError as exc:
        return Result(name, kind, note=_first_line(exc))
    if rate is None:
        return Result(name, kind, links)
    try:
        played = LABS[name].replay(cassette, source, rate)
    except LabError as exc:
        return Result(name, kind, links, note=_first_line(exc))
    return Result(name, kind, links, played, played.note)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def table(found: Sequence[Result]) -> str:
    """The results for people."""
    columns = ("lab", "dialect", "events caused", "linked right", f"wrong at {SURE} and more", "wrong below")
    lines = [(*columns, "early", "wrong ids", "lost", "doubled", "")]
    lines += [tuple(_cells(one)) for one in found]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cells(one: Result) -> Iterator[str]:
    yield from (one.lab, one.dialect)
    if one.links is None:
        yield from ("-",) * 4
    else:
        sure = one.sure_and_wrong
        share = f"{one.links.right} ({one.links.share:.0%})"
        yield from (str(one.links.caused), share, str(sure), str(one.links.wrong_from(0.0) - sure))
    played = one.played
    yield from ("-",) * 4 if played is None else map(str, (played.early, played.wrong, played.lost, played.doubled))
    yield one.note


def rows(scale: Scale) -> list[Row]:
    """The rows of the table."""
    what = "caused events that a suggested dialect links to the right request, in the lab where they are fewest"
    target = f"≥ {LEAST:.0%}, 0 wrong links of {SURE} and more, replays 0 early and 0 wrong ids"
    if reason := available():
        return [not_measured(what, target, _COMMAND, reason)]
    found = list(results(list(LABS), "instant" if scale is Scale.FULL else None))
    suggested = [one for one in found if one.dialect == "suggested"]
    shares = [0.0 if one.links is None else one.links.share for one in suggested]
    holds = all(one.holds for one in suggested)
    return [Row(what, target, f"{min(shares):.0%}", holds, _COMMAND, tuple(table(found).splitlines()))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code: 1 if a suggested dialect misses its target, 2 if it cannot run here."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lab", action="append", choices=list(LABS), help="this one; may come again")
    parser.add_argument("--rate", default="instant", help="pace of the replays, as of recorder replay")
    parser.add_argument("--no-replay", action="store_true", help="link only")
    parser.add_argument("--also", nargs=2, type=Path, metavar=("CASSETTE", "LOG"), help="link this, by --dialect")
    parser.add_argument("--dialect", default="gws-outbound", help="for --also: a shipped one, or a file")
    options = parser.parse_args(arguments)
    if options.also:
        cassette, log = options.also
        truth = joined(cassette, [json.loads(line) for line in log.read_text().splitlines()])
        links = counts(judged(cassette, Dialect.load(options.dialect), truth))
        print(table([Result(cassette.stem, options.dialect, links)]))
        return 0
    if (reason := available()) and not options.no_replay:
        print(f"suggest: {reason}", file=sys.stderr)
        return 2
    found = list(results(options.lab or list(LABS), None if options.no_replay else options.rate))
    print(table(found))
    return int(not all(one.holds for one in found if one.dialect == "suggested"))


if __name__ == "__main__":
    sys.exit(main())
