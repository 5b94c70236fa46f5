"""Build a catalogue: find what is new, changed or gone, read only that, and put the new files in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeAlias

from ...errors import NothingSelected, OutputError
from .dataset import Dataset, Folder
from .listing import Source, listed
from .merging import Known, known_in, merged
from .pieces import Spool
from .reading import CLEAR, Read, Settings, reader
from .schema import VERSION

_CASSETTES, _BYTES = 64, 32 << 20  # that a process reads before it hands rows over: cassettes, and bytes of them
_CHUNKS = 128  # into which the work is cut at least, so that many processes have some

Spread: TypeAlias = Callable[[Callable[..., Callable[[Any], Any]], tuple[Any, ...], Iterable[Any]], Iterable[Any]]


@dataclass(slots=True)
class Built:
    """What a build did.

    Attributes:
        url: The catalogue.
        generation: Number of its last build that changed something.
        read: Number of cassettes that were read, those that could not be read among them.
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
    """What is to be done.

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
        OutputError: If the catalogue cannot be written, or another build was faster; it is as it was, then.
        WorkerError: If a process was killed; likewise.
    """
    folder = Folder(output)
    dataset = Dataset.find(folder)
    found = listed(patterns)
    if not found:
        raise NothingSelected(f"{', '.join(patterns)}: no cassette matches; {output} is as it was")
    plan = _planned(dataset, folder, found, settings, adds=adds, again=again)
    built = Built(folder.url, read=len(plan.sources), unchanged=len(plan.kept), gone=plan.lost)
    for name, known in plan.kept.items():
        built.has(name, known.problem)
    done = 0
    if plan.sources or plan.gone or dataset is None:
        with closing(Spool()) as spool:
            for result in spread(reader, (settings,), _chunks(plan.sources)):
                _take(result, spool, built)
                done += len(result.names)
                shown(done, len(plan.sources))
            dataset = _swapped(dataset, folder, spool, plan)
    _count(built, dataset)
    return built


def _planned(
    dataset: Dataset | None,
    folder: Folder,
    found: dict[str, Source],
    settings: Settings,
    *,
    adds: bool,
    again: bool,
) -> _Plan:
    known = known_in(dataset, folder) if dataset is not None else {}
    again = again or (dataset is not None and dataset.schema != VERSION)
    kept = {
        name: one
        for name, one in known.items()
        if name in found and one.mark and found[name].mark == one.mark and settings.is_current(one.rules) and not again
    }
    lost = {} if adds else {name: one for name, one in known.items() if name not in found}
    sources = [source for name, source in found.items() if name not in kept]
    gone = lost | {source.name: known[source.name] for source in sources if source.name in known}
    if adds:
        kept |= {name: one for name, one in known.items() if name not in found}
    return _Plan(sources, gone, kept, len(lost))


def _take(result: Read, spool: Spool, built: Built) -> None:
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


def _swapped(dataset: Dataset | None, folder: Folder, spool: Spool, plan: _Plan) -> Dataset:
    generation = dataset.generation + 1 if dataset is not None else 1
    tables = merged(dataset, folder, spool, plan.gone, generation)
    after = Dataset(folder.url, generation, VERSION, version("outbound-recorder"), tables)
    try:
        after.swap(folder)
    except FileExistsError as exc:
        old = {one.path for files in dataset.tables.values() for one in files} if dataset is not None else set()
        folder.remove([one.path for files in tables.values() for one in files if one.path not in old])
        raise OutputError(
            f"{folder.url}: another build ended meanwhile, and this one changed nothing; run it again"
        ) from exc
    return after


def _count(built: Built, dataset: Dataset) -> None:
    built.generation = dataset.generation
    for name, files in dataset.tables.items():
        built.rows[name] = sum(one.rows for one in files)
        built.files[name] = len(files)
        built.size += sum(one.size for one in files)
