"""Build a catalogue: find what is new, changed or gone, read only that, and put the new files in their place."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeAlias

from ...errors import NothingSelected, OutputError, RecorderError
from ...files import without_secrets
from .dataset import Dataset, Folder, Outdated
from .listing import Source, listed
from .merging import Known, known_in, merged
from .pieces import Spool
from .reading import CLEAR, Read, Settings, reader
from .schema import TABLES, VERSION

_CASSETTES, _BYTES = 64, 32 << 20  # that a process reads before it hands rows over: cassettes, and bytes of them
_PACKAGE = "outbound-recorder"
_TRIES = 5  # to end a build while others end
_CHUNKS = 128  # into which the work is cut at least, so that many processes have some

Spread: TypeAlias = Callable[[Callable[..., Callable[[Any], Any]], tuple[Any, ...], Iterable[Any]], Iterable[Any]]


@dataclass(slots=True)
class Built:
    """The result of a build.

    Attributes:
        url: The catalogue, without secrets.
        generation: Number of its last build that changed something.
        read: Number of cassettes to read, those that could not be read among them.
        done: How many of them were read so far.
        unchanged: Number of cassettes whose rows were kept.
        gone: Number of cassettes whose rows were dropped because no pattern matches them any more.
        unreadable: Why each cassette that could not be read has no rows, by its name; those known before too.
        clear: Cassettes that were left out because they were not redacted.
        rows: Rows by table.
        files: Files by table.
        size: Bytes of all files.
    """

    url: str
    generation: int = 0
    read: int = 0
    done: int = 0
    unchanged: int = 0
    gone: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    clear: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    size: int = 0

    def has(self, name: str, problem: str | None) -> None:
        """Note the problem of a cassette, if it has one."""
        if problem is None:
            return
        if problem.startswith(CLEAR):
            self.clear.append(name)
        else:
            self.unreadable[name] = problem


@dataclass(frozen=True, slots=True)
class _Plan:
    """The steps from a catalogue to the one that is wanted.

    Attributes:
        sources: Cassettes to read.
        gone: Cassettes whose old rows go, with those that are read again.
        kept: Cassettes whose rows stay.
        lost: Number of those in `gone` that are not there any more.
    """

    sources: list[Source]
    gone: dict[str, Known]
    kept: dict[str, Known]
    lost: int


def build(
    patterns: Sequence[str],
    output: str,
    spread: Spread,
    settings: Settings,
    *,
    adds: bool = False,
    again: bool = False,
    shown: Callable[[int, int], None] = lambda _done, _of: None,
) -> Built:
    """Bring a catalogue up to date with the cassettes that patterns match.

    Args:
        patterns: Paths and globs, of local files and of URLs.
        output: URL or path of the catalogue's folder.
        spread: Calls what a function returns for some arguments with each item, in order or in several processes;
            yields the results.
        settings: How to read cassettes.
        adds: Keep the rows of cassettes that no pattern matches.
        again: Read all cassettes, also those that have not changed.
        shown: Called with the number of cassettes that were read so far, and that of all to be read.

    Raises:
        NothingSelected: If no pattern matches a cassette: then the catalogue stays as it is.
        InputError: If a store cannot be listed, or a file of the catalogue cannot be read.
        OutputError: If the catalogue cannot be written, or another build took from it what this one counted on; then
            this build changed nothing.
        WorkerError: If a process was killed; likewise.
    """
    folder = Folder(output)
    dataset = Dataset.find(folder)
    found = listed(patterns)
    if not found:
        raise NothingSelected(
            f"{', '.join(map(without_secrets, patterns))}: no cassette matches; {folder.shown} is as it was"
        )
    job = _Job(folder, found, settings, adds=adds)
    plan = job.plan(dataset, again=again)
    built = Built(folder.shown, read=len(plan.sources), gone=plan.lost)
    if plan.sources or plan.gone or dataset is None:
        with closing(Spool()) as spool:
            for result in spread(reader, (settings,), _chunks(plan.sources)):
                _take(result, spool, built)
                shown(built.done, built.read)
            plan, dataset = job.end(dataset, plan, spool)
    built.unchanged = len(plan.kept)
    for name, known in plan.kept.items():
        built.has(name, known.problem)
    _count(built, dataset)
    return built


@dataclass(frozen=True, slots=True)
class _Job:
    """The content that a catalogue has after the build."""

    folder: Folder
    found: dict[str, Source]
    settings: Settings
    adds: bool

    def plan(self, dataset: Dataset | None, *, again: bool = False, taken: Collection[str] = ()) -> _Plan:
        """Return what is to be done to a catalogue.

        Args:
            dataset: The catalogue; None if there is none.
            again: Read all cassettes.
            taken: Cassettes that were read already.
        """
        known = known_in(dataset, self.folder) if dataset is not None else {}
        again = again or (dataset is not None and dataset.schema != VERSION)
        kept = {
            name: one for name, one in known.items() if not again and name not in taken and self._is_kept(name, one)
        }
        sources = [source for name, source in self.found.items() if name not in kept and name not in taken]
        lost = sum(name not in self.found for name in known.keys() - kept.keys())
        return _Plan(sources, {name: one for name, one in known.items() if name not in kept}, kept, lost)

    def _is_kept(self, name: str, known: Known) -> bool:
        source = self.found.get(name)
        if source is None:
            return self.adds
        if known.problem is not None and known.recorder != version(_PACKAGE):
            return False  # another version may be able to read it
        return bool(known.mark) and source.mark == known.mark and self.settings.is_current(known.rules)

    def end(self, dataset: Dataset | None, plan: _Plan, spool: Spool) -> tuple[_Plan, Dataset]:
        """Write what was read into the catalogue; return what was done in the end, and the catalogue.

        If another build ended meanwhile, its catalogue is the one that is brought up to date.

        Raises:
            OutputError: If the catalogue cannot be written, or lacks cassettes now that it had at the begin.
        """
        taken = {source.name for source in plan.sources}
        for _ in range(_TRIES):
            try:
                return plan, _swapped(dataset, self.folder, spool, plan.gone)
            except Outdated:
                dataset = Dataset.find(self.folder)
                plan = self.plan(dataset, taken=taken)
            if plan.sources:
                break
        problem = "another build ended meanwhile, and this one changed nothing; run it again"
        raise OutputError(f"{self.folder.shown}: {problem}")


def _take(result: Read, spool: Spool, built: Built) -> None:
    built.done += len(result.names)
    for piece in result.pieces:
        spool.add(piece)
    for name, problem in result.names:
        built.has(name, problem)


def _chunks(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Yield cassettes in lists that take about as long each."""
    most = min(_CASSETTES, -(-len(sources) // _CHUNKS))
    chunk: list[Source] = []
    size = 0
    for source in sources:
        chunk.append(source)
        size += source.size
        if len(chunk) == most or size >= _BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _swapped(dataset: Dataset | None, folder: Folder, spool: Spool, gone: dict[str, Known]) -> Dataset:
    """Write the next generation of a catalogue; the files of one that cannot be written are removed.

    Raises:
        Outdated: If another build was faster.
        OutputError: If a file cannot be written.
    """
    generation, token = (dataset.generation if dataset is not None else 0) + 1, secrets.token_hex(4)
    try:
        tables = merged(dataset, folder, spool, gone, f"{generation:08}-{token}")
        after = Dataset(folder.url, generation, VERSION, version(_PACKAGE), tables)
        after.claim(folder)
    except BaseException:
        with suppress(RecorderError):  # the error before this one is told; the next build removes them
            folder.remove([path for table in TABLES for path in folder.paths(table) if f"-{token}-" in path])
        raise
    after.clean(folder)
    return after


def _count(built: Built, dataset: Dataset) -> None:
    built.generation = dataset.generation
    for name, files in dataset.tables.items():
        built.rows[name] = sum(one.rows for one in files)
        built.files[name] = len(files)
        built.size += sum(one.size for one in files)
