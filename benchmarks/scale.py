"""What does each command cost by the number of triples: CPU time and peak memory, by the form of the cassette?

    python -m benchmarks.scale [--smoke] [--size N]… [--only COMMAND]… [--form FORM]… [--files DIR] [--against DIR]

Beside the commands: `sha256sum` and `json.loads` of the same data as JSON lines, `mitmdump -nr` of the same exchanges,
and DuckDB and MCAP where they are installed. CPU time is that of the process and of its workers, memory the most that
one of them had. `--files` keeps the generated files for the next run; `--against` measures another checkout, too.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from benchmarks.rows import Row, Scale
from benchmarks.scale_files import all_asks, spread
from benchmarks.scale_replay import StandIn, stand_in

ROOT = Path(__file__).parents[1]
COMMAND = "python -m benchmarks --only scale"
SIZES, REPORTED, MILLION = (1_000, 10_000, 50_000, 160_000), 20_000, 1_000_000
FORMS = ("journal", "sealed", "archive")
_FINE = (0, 1, 3, 5, 7)  # exit codes: done, differs, not all played, nothing found, secrets found
_SPREAD = 500  # operations that are asked from all over a cassette
_ROUNDS = 5
_FLOWS = 50_000  # triples, above which mitmproxy takes minutes for the same exchanges
_READS_JSON = """
import json, sys
for line in open(sys.argv[1], "rb"):
    json.loads(line)
"""
_READS_MCAP = """
import sys
from mcap.reader import make_reader
for _ in make_reader(open(sys.argv[1], "rb")).iter_messages():
    pass
"""
_READS_DUCKDB = """
import duckdb, sys
query = "SELECT kind, count(*), max(t) FROM read_json_auto(?) GROUP BY kind"
duckdb.execute(query, [sys.argv[1]]).fetchall()
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of a command with its workers, and the most megabytes one of these had."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Work:
    """A command to measure.

    Attributes:
        name: As in the table.
        words: Its arguments; `FILE` is the cassette, `OTHER` the same capture in another form, `OUT` a file to write.
        forms: The forms of the cassette that it is given.
        most: The most triples.
        divides: It takes `--jobs`, where the checkout has that.

    """

    name: str
    words: str
    forms: tuple[str, ...] = FORMS
    most: int = MILLION
    divides: bool = False


WORKS = (
    Work("seal", "seal FILE -o SEALED --force", ("journal",)),
    Work("seal --archive", "seal FILE -o ARCHIVE --archive --force", ("journal",)),
    Work("show N", "show FILE MIDDLE"),
    Work("explain N", "explain FILE MIDDLE"),
    Work("timeline N", "timeline FILE MIDDLE"),
    Work("ls --limit 20", "ls --limit 20 FILE"),
    Work("grep handle:", "grep handle:HANDLE FILE"),
    Work("slice --handle", "slice FILE --handle HANDLE -o OUT --force"),
    Work("ls", "ls FILE"),
    Work("stats", "stats FILE", divides=True),
    Work("doctor", "doctor FILE", divides=True),
    Work("grep", "grep -c nowhere FILE"),
    Work("scan", "scan FILE", divides=True),
    Work("redact", "redact FILE -o OUT --force --redaction-key-file KEY", divides=True),
    Work("diff", "diff FILE OTHER"),
    Work("convert --to har", "convert FILE --to har -o HAR --force", ("journal", "sealed"), 50_000),
    Work("import", "import HAR -o OUT --force --redaction-key-file KEY", ("journal",), 50_000),
    Work("merge", "merge FILE FILE -o OUT --force", ("sealed",)),
    Work("report", "report FILE -o PAGE --force", ("journal", "sealed"), REPORTED),
)
_SOURCES = {"seal": "sealed", "seal --archive": "archive"}


@dataclass(slots=True)
class Found:
    """All that was measured of one size: costs by command and form, and figures by name and form."""

    triples: int
    costs: dict[tuple[str, str], Cost] = field(default_factory=dict)
    figures: dict[tuple[str, str], float] = field(default_factory=dict)


class Checkout:
    """The commands of one checkout."""

    def __init__(self, folder: Path) -> None:
        self.name = "this" if folder == ROOT else folder.name
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
        self._has_jobs: dict[str, bool] = {}

    def recorder(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "recorder", *words]

    def has_jobs(self, command: str) -> bool:
        """Whether a command takes `--jobs`."""
        if command not in self._has_jobs:
            asked = self.recorder(command, "--help")
            said = subprocess.run(asked, env=self.environment, capture_output=True, text=True, check=True).stdout
            self._has_jobs[command] = "--jobs" in said
        return self._has_jobs[command]


def cost(command: list[str], environment: dict[str, str] | None = None) -> Cost:
    """Run a command and return its cost.

    Raises:
        RuntimeError: If it failed.

    """
    with tempfile.TemporaryFile() as told:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = code = os.waitstatus_to_exitcode(status)
        if code not in _FINE:
            told.seek(0)
            raise RuntimeError(f"{' '.join(command[1:])}: exit code {code}: {told.read().decode()[-300:]}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


class Files:
    """The files of one size, each made when it is first asked for."""

    def __init__(self, folder: Path, triples: int) -> None:
        self.folder, self.triples = folder / f"{triples}", triples
        self.folder.mkdir(parents=True, exist_ok=True)

    def made(self, what: str) -> Path:
        """Return the `journal`, or its `lines`, `asks` or `flows`."""
        path = self.folder / f"{what}.{'cassette' if what == 'journal' else what}"
        if not path.exists():
            part = path.with_suffix(".part")
            command = [sys.executable, "-m", "benchmarks.scale_files", what, str(part), str(self.triples)]
            subprocess.run(command, check=True, cwd=ROOT)
            part.rename(path)
        return path

    def of(self, checkout: Checkout) -> Path:
        """Return the folder of what a checkout writes."""
        own = self.folder / checkout.name
        own.mkdir(exist_ok=True)
        return own


class Bench:
    """All measurements of one checkout at one size."""

    def __init__(self, files: Files, checkout: Checkout) -> None:
        self._files, self._checkout, self._own = files, checkout, files.of(checkout)
        self.found = Found(files.triples)

    def cassette(self, form: str) -> Path:
        """Return the cassette in a form, sealed by this checkout if it is not yet there."""
        if form == "journal":
            return self._files.made("journal")
        path = self._own / f"{form}.cassette"
        if not path.exists():
            self.measure(next(work for work in WORKS if _SOURCES.get(work.name) == form), "journal")
        return path

    def measure(self, work: Work, form: str) -> None:
        """Run a command, and keep its cost."""
        if (work.name, form) in self.found.costs:
            return
        jobs = ("--jobs", "1") if work.divides and self._checkout.has_jobs(work.words.split()[0]) else ()
        self.found.costs[work.name, form] = self._cost([*self._words(work, form), *jobs])
        if "PAGE" in work.words:
            self.found.figures["MB of the page", form] = (self._own / "page.html").stat().st_size / 1e6

    def divided(self, work: Work, form: str, rounds: int) -> None:
        """Compare the wall time with two jobs to that with one, if the command takes `--jobs`."""
        if not self._checkout.has_jobs(work.words.split()[0]):
            return
        walls: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(rounds):
            for jobs, times in walls.items():
                began = time.monotonic()
                self._cost([*self._words(work, form), "--jobs", str(jobs)])
                times.append(time.monotonic() - began)
        gain = statistics.median(walls[1]) / statistics.median(walls[2])
        self.found.figures[f"{work.name} --jobs 2, times as fast", form] = gain

    def _cost(self, words: list[str]) -> Cost:
        return cost(self._checkout.recorder(*words), self._checkout.environment)

    def _words(self, work: Work, form: str) -> list[str]:
        own, middle = self._own, self._files.triples // 2
        if "HAR" in work.words and work.name == "import" and not (own / "session.har").exists():
            self.measure(next(other for other in WORKS if other.name.startswith("convert")), "journal")
        key = own / "key"
        if not key.exists():
            key.write_bytes(bytes(32))
            key.chmod(0o600)
        agent, step = (middle - 1) % 8, (middle - 1) // 8
        known: dict[str, Callable[[], object]] = {
            "FILE": lambda: self.cassette(form),
            "OTHER": lambda: self.cassette("journal" if form != "journal" else "sealed"),
            "SEALED": lambda: own / "sealed.cassette",
            "ARCHIVE": lambda: own / "archive.cassette",
            "OUT": lambda: own / "out.cassette",
            "HAR": lambda: own / "session.har",
            "PAGE": lambda: own / "page.html",
            "KEY": lambda: key,
            "MIDDLE": lambda: middle,
            "HANDLE": lambda: 1000 + agent + 8 * (step // 4),
        }
        return [re.sub("|".join(known), lambda name: str(known[name[0]]()), word) for word in work.words.split(" ")]

    def replay(self, form: str, rounds: int, *, is_played: bool) -> None:
        """Start a stand-in, ask for operations from all over the cassette, and play all of it."""
        asks, figures = self._files.made("asks"), self.found.figures
        command = self._checkout.recorder("replay", str(self.cassette(form)), "--rate", "instant")
        with stand_in(command, self._checkout.environment) as standin:
            self.found.costs["replay, ready", form] = Cost(standin.ready, standin.memory)
            self._asked(standin, form, rounds)
            if is_played:
                standin.play(all_asks(asks))
                figures["MB after all were played", form] = standin.resident()

    def _asked(self, standin: StandIn, form: str, rounds: int) -> None:
        asks, figures = spread(self._files.made("asks"), self._files.triples, _SPREAD), self.found.figures
        firsts = sorted(standin.costs(asks))
        figures["ms, first request, median", form] = statistics.median(firsts) * 1e3
        figures["ms, first request, 99 %", form] = firsts[int(len(firsts) * 0.99)] * 1e3
        figures["MB after these", form] = standin.resident()
        figures["µs, warm request", form] = min(standin.cost(asks) for _ in range(rounds)) * 1e6

    def others(self) -> None:
        """Measure the tools beside, over the same data."""
        lines, journal = self._files.made("lines"), self._files.made("journal")
        costs = self.found.costs
        costs["sha256sum", "journal"] = cost(["sha256sum", str(journal)])
        costs["json.loads of lines", ""] = cost([sys.executable, "-c", _READS_JSON, str(lines)])
        if find_spec("duckdb"):
            costs["DuckDB, count of lines", ""] = cost([sys.executable, "-c", _READS_DUCKDB, str(lines)])
        if find_spec("mcap"):
            from benchmarks.format import mcap_form, read_cassette

            form, path = mcap_form(), self._own / "records.mcap"
            assert form is not None
            form.write(path, read_cassette(journal))
            costs["MCAP, all messages", ""] = cost([sys.executable, "-c", _READS_MCAP, str(path)])
        if find_spec("mitmproxy") and self._files.triples <= _FLOWS:
            flows = str(self._files.made("flows"))
            mitmdump = [sys.executable, "-m", "benchmarks.mitmdump", "-q", "-n", "-r", flows]
            costs["mitmdump -nr", ""] = cost(mitmdump, {**os.environ, "PYTHONPATH": str(ROOT)})


# What must hold


@dataclass(frozen=True, slots=True)
class Must:
    """A promise: the most, or the least, of a figure.

    Attributes:
        what: What is promised, with the number of triples.
        triples: The number of triples.
        limit: The most; the least if `is_least`.
        unit: Unit of the figure.
        figure: Takes the figure from what was measured; None if it was not measured.

    """

    what: str
    triples: int
    limit: float
    unit: str
    figure: Callable[[dict[int, Found]], float | None]
    is_least: bool = False

    @property
    def target(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {self.limit:,g} {self.unit}"

    def holds(self, figure: float) -> bool:
        return figure >= self.limit if self.is_least else figure <= self.limit


def _cpu(name: str, form: str, triples: int) -> Callable[[dict[int, Found]], float | None]:
    def figure(found: dict[int, Found]) -> float | None:
        one = found[triples].costs.get((name, form)) if triples in found else None
        return None if one is None else one.cpu

    return figure


def _memory(name: str, form: str, triples: int) -> Callable[[dict[int, Found]], float | None]:
    def figure(found: dict[int, Found]) -> float | None:
        one = found[triples].costs.get((name, form)) if triples in found else None
        return None if one is None else one.memory

    return figure


def _rate(name: str, form: str, triples: int) -> Callable[[dict[int, Found]], float | None]:
    cpu = _cpu(name, form, triples)

    def figure(found: dict[int, Found]) -> float | None:
        spent = cpu(found)
        return None if spent is None else triples / spent

    return figure


def _value(name: str, form: str, triples: int) -> Callable[[dict[int, Found]], float | None]:
    return lambda found: found[triples].figures.get((name, form)) if triples in found else None


def _growth(name: str, form: str, triples: int) -> Callable[[dict[int, Found]], float | None]:
    def figure(found: dict[int, Found]) -> float | None:
        large, small = _value(name, form, triples)(found), _value(name, form, SIZES[0])(found)
        return None if large is None or small is None else large / small

    return figure


_FLOORS = {"stats": 10_000, "doctor": 10_000, "grep": 10_000, "scan": 4_000, "redact": 2_500, "diff": 2_500}
_LOOKED_UP = ("show N", "explain N", "timeline N", "slice --handle", "ls --limit 20", "grep handle:")


def musts(large: int) -> Iterator[Must]:
    """Yield all promises; `large` is the number of triples of eight hours of a floor."""
    named = f"{large:,} triples"
    for size, seconds, memory in ((large, 1.0, 120.0), (MILLION, 1.5, 150.0)):
        yield Must(
            f"replay of {size:,} sealed triples is ready", size, seconds, "s", _cpu("replay, ready", "sealed", size)
        )
        what = f"replay of {size:,} sealed triples, memory once ready"
        yield Must(what, size, memory, "MB", _memory("replay, ready", "sealed", size))
    first = "ms, first request, 99 %"
    yield Must(f"first request of a triple, {named}", large, 5.0, "ms", _value(first, "sealed", large))
    played = "MB after all were played"
    yield Must(f"replay, memory after {named} were played", large, 300.0, "MB", _value(played, "sealed", large))
    warm = "µs, warm request"
    yield Must(f"warm requests, {named} over 1,000", large, 1.2, "×", _growth(warm, "sealed", large))
    for name in _LOOKED_UP:
        yield Must(f"{name}, {named}, sealed", large, 0.5, "s", _cpu(name, "sealed", large))
        yield Must(f"{name}, {named}, sealed: memory", large, 60.0, "MB", _memory(name, "sealed", large))
    for name, floor in _FLOORS.items():
        for form in FORMS:
            yield Must(f"{name}, {named}, {form}", large, floor, "triples/s", _rate(name, form, large), is_least=True)
            most = 300.0 if name == "diff" else 150.0
            yield Must(f"{name}, {named}, {form}: memory", large, most, "MB", _memory(name, form, large))
    yield Must(f"seal, {named}", large, 5_000, "triples/s", _rate("seal", "journal", large), is_least=True)
    yield Must(f"seal, {named}: memory", large, 150.0, "MB", _memory("seal", "journal", large))
    yield from _musts_of_others()


def _musts_of_others() -> Iterator[Must]:
    size, ready = 50_000, "replay of a journal of 50,000 triples"
    for work in WORKS:
        if work.divides:
            name = f"{work.name} --jobs 2, times as fast"
            yield Must(f"{name}, 50,000 sealed", size, 1.7, "×", _value(name, "sealed", size), is_least=True)
    yield Must(f"{ready} is ready", size, 5.0, "s", _cpu("replay, ready", "journal", size))
    yield Must(f"{ready}, memory once ready", size, 150.0, "MB", _memory("replay, ready", "journal", size))
    yield Must("import of the HAR of 50,000 triples: memory", size, 200.0, "MB", _memory("import", "journal", size))
    size = REPORTED
    yield Must("report of 20,000 triples", size, 10.0, "s", _cpu("report", "journal", size))
    yield Must("report of 20,000 triples: memory", size, 250.0, "MB", _memory("report", "journal", size))
    yield Must("report of 20,000 triples: page", size, 6.0, "MB", _value("MB of the page", "journal", size))
    opens = "s until Chromium shows the page"
    yield Must("report of 20,000 triples opens in Chromium", size, 1.0, "s", _value(opens, "journal", size))


# What runs them, and shows what was found


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        sizes: Numbers of triples; `REPORTED` among them is for the report alone.
        only: Names of the commands; all if empty.
        forms: Forms of the cassettes.
        rounds: Rounds of requests.
        is_full: Whether to play whole cassettes, and to compare jobs.

    """

    sizes: tuple[int, ...]
    only: tuple[str, ...] = ()
    forms: tuple[str, ...] = FORMS
    rounds: int = _ROUNDS
    is_full: bool = True

    def wants(self, name: str) -> bool:
        return not self.only or any(name.startswith(one) for one in self.only)


def measure(files: Files, checkout: Checkout, plan: Plan) -> Found:
    """Measure one size."""
    bench, size = Bench(files, checkout), files.triples
    for work in WORKS:
        forms = work.forms if work.name in _SOURCES else [form for form in work.forms if form in plan.forms]
        for form in forms:
            is_due = work.name == "report" if size == REPORTED else size <= work.most
            if is_due and plan.wants(work.name):
                bench.measure(work, form)
                one = bench.found.costs[work.name, form]
                _tell(f"{size:,} {form}: {work.name} {one.cpu:.2f} s, {one.memory:.0f} MB")
    if size == REPORTED:
        _opened(files.of(checkout) / "page.html", bench.found)
        return bench.found
    for form in plan.forms:
        if plan.wants("replay"):
            bench.replay(form, plan.rounds, is_played=plan.is_full and size < MILLION)
    if plan.wants("others"):
        bench.others()
    if plan.is_full and size == 50_000 and (os.cpu_count() or 1) > 1 and "sealed" in plan.forms:
        for work in WORKS:
            if work.divides and plan.wants(work.name):
                bench.divided(work, "sealed", plan.rounds)
    return bench.found


def _opened(page: Path, found: Found) -> None:
    """Open the page of a report, if there is a browser here."""
    try:
        from tests.lab.browser import browsing
    except ModuleNotFoundError:
        return
    if not page.exists() or not find_spec("playwright"):
        return
    with browsing() as browser:

        def opens(shown: object) -> float:
            began = time.monotonic()
            shown.goto(page.as_uri())  # type: ignore[attr-defined]  # playwright's page, which is optional
            return time.monotonic() - began

        times = [browser.on_page(opens) for _ in range(3)]
    found.figures["s until Chromium shows the page", "journal"] = min(times)


def table(found: Found, before: Found | None = None) -> Iterator[str]:
    """Yield lines: for each command and form CPU seconds, triples/s and megabytes; with those of the other checkout."""
    yield f"{found.triples:,} triples"
    head = f"  {'command':26} {'form':8} {'CPU s':>9} {'triples/s':>10} {'MB':>7}"
    yield head + (f"   before: {'CPU s':>9} {'MB':>7}" if before else "")
    for (name, form), one in found.costs.items():
        line = f"  {name:26} {form:8} {one.cpu:9.2f} {found.triples / one.cpu:10,.0f} {one.memory:7.0f}"
        old = before.costs.get((name, form)) if before else None
        yield line + (f"           {old.cpu:9.2f} {old.memory:7.0f}" if old else "")
    for (name, form), value in found.figures.items():
        was = before.figures.get((name, form)) if before else None
        yield f"  {name:26} {form:8} {value:9.3g}" + (f"   before: {was:9.3g}" if was is not None else "")


def judged(found: dict[int, Found], *, is_verdict: bool = True) -> Iterator[Row]:
    """Yield a row for each promise whose figure was measured, each size having its own."""
    for must in musts(SIZES[-1]):
        figure = must.figure(found)
        if figure is not None:
            holds = must.holds(figure) if is_verdict else None
            yield Row(must.what, must.target, f"{figure:,.3g} {must.unit}", holds, COMMAND)


_CURVES: dict[str, Callable[[Found], float | None]] = {
    "replay of a sealed cassette is ready, s of CPU": lambda one: _of(one, "replay, ready", "sealed", "cpu"),
    "memory once it is ready, MB": lambda one: _of(one, "replay, ready", "sealed", "memory"),
    "explain N, sealed, s of CPU": lambda one: _of(one, "explain N", "sealed", "cpu"),
    "stats, sealed, µs of CPU a triple": lambda one: _each(one, "stats", "sealed"),
    "doctor, sealed, µs of CPU a triple": lambda one: _each(one, "doctor", "sealed"),
    "scan, sealed, µs of CPU a triple": lambda one: _each(one, "scan", "sealed"),
    "redact, sealed, µs of CPU a triple": lambda one: _each(one, "redact", "sealed"),
    "diff, sealed, µs of CPU a triple": lambda one: _each(one, "diff", "sealed"),
    "memory of doctor, MB": lambda one: _of(one, "doctor", "sealed", "memory"),
    "memory of diff, MB": lambda one: _of(one, "diff", "sealed", "memory"),
}  # fmt: skip


def _of(found: Found, name: str, form: str, what: str) -> float | None:
    one = found.costs.get((name, form))
    return None if one is None else float(getattr(one, what))


def _each(found: Found, name: str, form: str) -> float | None:
    one = found.costs.get((name, form))
    return None if one is None else one.cpu / found.triples * 1e6


def rows(scale: Scale) -> list[Row]:
    """Return a row for each promise, and one for the tables and what is plotted."""
    is_full = scale is Scale.FULL
    plan = (
        Plan((*SIZES[:3], REPORTED, SIZES[3]))
        if is_full
        else Plan(SIZES[:1], ("stats", "show", "replay"), ("sealed",), 1, is_full=False)
    )
    with tempfile.TemporaryDirectory() as folder:
        found = {size: measure(Files(Path(folder), size), Checkout(ROOT), plan) for size in plan.sizes}
    facts = tuple(" ".join(line.split()) for one in found.values() for line in table(one))
    curves = {
        title: points
        for title, figure in _CURVES.items()
        if (points := tuple((size, y) for size, one in found.items() if (y := figure(one)) is not None))
    }
    largest = found[plan.sizes[-1]]
    ready = largest.costs["replay, ready", "sealed"]
    measured = f"{largest.triples:,}: {ready.cpu:.2f} s of CPU and {ready.memory:.0f} MB until a replay is ready"
    what = "CPU time and memory of each command by the number of triples"
    return [*judged(found, is_verdict=is_full), Row(what, "", measured, None, COMMAND, facts, curves=curves)]


def _tell(text: str) -> None:
    print(f"scale: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the promises; return 1 if one of these does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="1,000 triples, and a round")
    parser.add_argument("--size", type=int, action="append", metavar="N", help="triples; may come again")
    parser.add_argument("--million", action="store_true", help="1,000,000 triples, too")
    parser.add_argument("--only", action="append", metavar="COMMAND", help="commands that begin so; replay, others")
    parser.add_argument("--form", action="append", choices=FORMS, help="forms of the cassettes (default: all)")
    parser.add_argument("--files", type=Path, metavar="DIR", help="keep the generated files here for the next run")
    parser.add_argument("--against", type=Path, metavar="DIR", help="measure this checkout, too")
    options = parser.parse_args(arguments)
    sizes = options.size or (SIZES[:1] if options.smoke else (*SIZES[:3], REPORTED, SIZES[3]))
    plan = Plan(
        tuple(sizes) + (MILLION,) * options.million, tuple(options.only or ()), tuple(options.form or FORMS),
        1 if options.smoke else _ROUNDS, is_full=not options.smoke,
    )  # fmt: skip
    found: dict[int, Found] = {}
    with tempfile.TemporaryDirectory() if options.files is None else nullcontext(options.files) as folder:
        for size in plan.sizes:
            files = Files(Path(folder), size)
            found[size] = measure(files, Checkout(ROOT), plan)
            other = measure(files, Checkout(options.against.resolve()), plan) if options.against else None
            print("\n".join(table(found[size], other)), flush=True)
    promises = list(judged(found))
    for row in promises:
        print(f"{row.what}: {row.measured}, must be {row.target}: {'holds' if row.holds else 'DOES NOT HOLD'}")
    return int(any(row.holds is False for row in promises))


if __name__ == "__main__":
    sys.exit(main())
