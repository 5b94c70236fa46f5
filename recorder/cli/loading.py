"""Read cassettes for the commands; warn of the part that a crash cut off, and say why there are no triples."""

from __future__ import annotations

import gc
import shlex
from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CassetteError, NothingSelected, RecorderError, TornTail
from ..model import Header, Record, Recording, Triple
from .saying import say

if TYPE_CHECKING:
    from ..cassette.reader import Cassette, OpenCassette
    from ..dialect.definition import Dialect
    from ..library.lazy import Making, OpenRecording
    from ..library.stored import Triples
    from ..views.filter import Expression
    from ..views.report import Part, Source

_SAID = f"{__name__}.said"


def load(paths: Sequence[Path], dialect: str | None, making: Making | None = None) -> Recording:
    """Return one recording that joins one or more cassettes; the files stay open until the command ends.

    Args:
        paths: The cassettes to join.
        dialect: Name of a shipped dialect, or path of a file; None takes the dialect of each cassette.
        making: Returns what makes the tables of a replay; None where none are needed.

    Raises:
        CassetteError: If a cassette cannot be read.
        DialectError: If the dialect is unknown or wrong.
        UsageError: If the cassettes were recorded with different dialects.
    """
    from ..library.recording import joined

    making = making if len(paths) == 1 else None  # joined recordings are indexed together
    return joined([_kept_open(opened(path, dialect, making)).recording for path in paths])


def opened(path: Path, dialect: str | None, making: Making | None = None) -> OpenRecording:
    """Open one cassette as a recording; say on stderr why it has no triples, if so, and what a crash cut off.

    The arguments and errors are those of `load`.
    """
    from ..cassette.reader import open_cassette
    from ..dialect.carried import differs_from_shipped
    from ..library.lazy import open_recording

    with open_cassette(path) as cassette:
        # damage and a torn tail are told before what is said of the dialect; to look for them takes long in large files
        is_odd = dialect is not None or differs_from_shipped(cassette.header)
        is_read = is_odd and not _has_index(cassette)
        if is_read:
            _read_through(cassette)
        try:
            rules = rules_of(cassette.header, dialect)
        except RecorderError:
            if not is_read:
                _read_through(cassette)
            raise
    found = open_recording(path, None if dialect is None else rules, making)
    if not is_read:
        warn(found.torn)
    hint_if_none(found.recording.triples, found.cassette.header, found.cassette.records(), rules.name)
    return found


def _kept_open(found: OpenRecording) -> OpenRecording:
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(found.close)
    return found


def derived(path: Path, dialect: str | None) -> tuple[Cassette, Recording]:
    """Read one cassette and derive its recording; say on stderr why it has no triples, if so.

    The arguments and errors are those of `load`.
    """
    from ..library.recording import derive

    cassette = read(path)
    rules = rules_of(cassette.header, dialect)
    recording = derive(cassette, rules)
    hint_if_none(recording.triples, cassette.header, cassette.records, rules.name)
    return cassette, recording


def _has_index(cassette: OpenCassette) -> bool:
    with suppress(CassetteError):
        return cassette.has_index
    return False


def _read_through(cassette: OpenCassette) -> None:
    deque(cassette.records(), maxlen=0)
    warn(cassette.torn)


def hint_if_none(triples: Sized, header: Header, records: Iterable[Record], dialect: str) -> None:
    """Print the reason on stderr, if a cassette has no triples, and the command that helps.

    Args:
        triples: All triples of the cassette.
        header: Its header.
        records: Its records, which are read only if there are no triples.
        dialect: Name of the dialect by which the triples were derived.
    """
    if not len(triples):
        say(f"{header.file}: {_why_none(header.file, records, dialect)}")


def _why_none(file: str, records: Iterable[Record], dialect: str) -> str:
    from ..dialect.fitting import best_fit, counted, every

    fit, quoted = best_fit(records, every()), shlex.quote(file)
    if not fit.requests and not fit.events:
        return "holds no exchange and no event"
    other = fit.dialect.name if fit.dialect is not None else None
    if other is None:
        way = f"recorder dialect suggest {quoted} writes a dialect"
    elif other == dialect:
        way = f"recorder ls --all {quoted} lists them"
    else:
        again = f"recorder recorrelate {quoted} --dialect {other}"
        way = f"the shipped dialect {other} fits: --dialect {other}, or {again}"
    held = f"{counted(fit.requests, 'exchange')} and {counted(fit.events, 'event')}"
    return f"holds {held}, but no operation of the dialect {dialect}; {way}"


def rules_of(header: Header, named: str | None) -> Dialect:
    """Return the dialect to read a cassette by; say on stderr, once, if another one of that name differs from it.

    Args:
        header: The header of the cassette.
        named: Name of a shipped dialect, or path of a file; None takes the dialect of the cassette.

    Raises:
        CassetteError: If the dialect in the cassette cannot be used.
        DialectError: If the dialect is unknown or wrong.
    """
    from ..dialect.carried import dialect_of, differs_from_shipped, held, is_same_text
    from ..dialect.definition import load as load_dialect

    if named is None:
        if differs_from_shipped(header):
            ways = f"it is read by its own, --dialect {header.dialect} takes the one of this version"
            _say_once(f"{header.file}: its dialect {header.dialect!r} differs from the one of this version; {ways}")
        return dialect_of(header)
    chosen = load_dialect(named)
    own = held(header)
    if own and chosen.name == header.dialect and not is_same_text(chosen.text, own):
        _say_once(f"{named}: differs from the dialect {chosen.name!r} in {header.file}; {named} is used")
    return chosen


def _say_once(text: str) -> None:
    context = click.get_current_context(silent=True)
    said = context.meta.setdefault(_SAID, set()) if context is not None else set()
    if text not in said:
        said.add(text)
        say(text)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Switch Python's garbage collector off while a cassette is read.

    All objects that are read stay alive, so the collector would scan them many times and free none.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read(path: Path) -> Cassette:
    """Read one cassette; warn on stderr if a crash cut its end off.

    Raises:
        CassetteError: If the cassette cannot be read.
    """
    from ..cassette.reader import read

    cassette = read(path)
    warn(cassette.torn)
    return cassette


@contextmanager
def facts(path: Path) -> Iterator[Cassette]:
    """Open one cassette, whose records are read from the file; warn on stderr if a crash cut its end off.

    Raises:
        CassetteError: If the cassette cannot be read.
    """
    from ..cassette.reader import Cassette, Located, open_cassette

    with open_cassette(path) as cassette:
        records = Located(cassette)
        len(records)  # reads them all once: damage is told before anything is written
        warn(cassette.torn)
        yield Cassette(cassette.header, records, cassette.torn)


def policy_of(path: Path) -> str:
    """Return the name of the policy that a cassette was redacted by.

    Raises:
        CassetteError: If the cassette cannot be read.
    """
    from ..cassette.reader import open_cassette

    with open_cassette(path) as cassette:
        return cassette.header.redaction


def expression(wanted: str | None, dialect: str | None, cassettes: Iterable[Path]) -> Expression | None:
    """Parse the filter of a command line; return None without a filter.

    Args:
        wanted: The filter's text.
        dialect: Dialect whose keys the filter may name; None allows the keys of all shipped dialects, and of those in
            the cassettes.
        cassettes: The cassettes that are read.

    Raises:
        DialectError: If the dialect is unknown or wrong.
        FilterError: If the filter's text has a mistake.
    """
    from ..dialect.definition import load as load_dialect
    from ..dialect.definition import names
    from ..views.filter import parse

    if wanted is None:
        return None
    keys: set[str] = set()
    every = [dialect] if dialect is not None else names()
    for known in chain(map(load_dialect, every), _own(cassettes) if dialect is None else ()):
        keys |= known.key_names()
    return parse(wanted, keys)


def _own(cassettes: Iterable[Path]) -> Iterator[Dialect]:
    """Yield the dialects of cassettes; whoever reads the cassettes reports those that cannot be read."""
    from ..cassette.reader import open_cassette
    from ..dialect.carried import dialect_of

    for path in cassettes:
        with suppress(RecorderError), open_cassette(path) as cassette:
            yield dialect_of(cassette.header)


def fitting(found: Iterable[Triple], by: Expression | None) -> Iterator[Triple]:
    """Yield the triples that a filter accepts; without a filter, yield all."""
    from ..views.fitting import accepting

    return iter(found) if by is None else filter(accepting(by), found)


def triples(
    path: Path, dialect: str | None, limit: int | None = None, by: Expression | None = None
) -> Iterator[Triple]:
    """Yield at most `limit` triples of a cassette that the filter `by` accepts, in their recorded order.

    A sealed cassette is read only as far as the caller iterates.
    """
    with _opened(path, dialect) as every:
        yield from islice(fitting(every, by), limit)


def find(path: Path, dialect: str | None, *, number: int | None, keys: dict[str, str]) -> list[Triple]:
    """Return the triple with a number, or all triples that have the given keys.

    Args:
        path: The cassette.
        dialect: Name of a shipped dialect, or path of a file; None takes the dialect of the cassette.
        number: Number of the triple, from 1; None selects by `keys`.
        keys: Names of the dialect's keys, each with its value.

    Raises:
        NothingSelected: If no triple fits.
    """
    with _opened(path, dialect) as every:
        found = every.with_keys(keys) if number is None else every.numbered(number)
        if not found:
            wanted = str(number) if number is not None else " and ".join(f"with {k} {v}" for k, v in keys.items())
            held = f"1 to {len(every)}" if len(every) else "none"
            raise NothingSelected(f"{path}: no triple {wanted}; it holds {held}")
        return found


@contextmanager
def _opened(path: Path, dialect: str | None) -> Iterator[Triples]:
    from ..cassette.reader import open_cassette
    from ..library.stored import triples

    with open_cassette(path) as cassette:
        # stored triples need no rules, and are read also where the dialect in the cassette cannot be used
        chosen = rules_of(cassette.header, dialect) if dialect is not None or not cassette.is_sealed else None
        with _without_collector():
            every = triples(cassette, chosen)
        warn(cassette.torn)
        hint_if_none(every, cassette.header, cassette.records(), chosen.name if chosen else cassette.header.dialect)
        yield every


def warn(torn: TornTail | None) -> None:
    """Print the reason on stderr, if a crash cut the end of a cassette off."""
    if torn is not None:
        say(f"warning: {torn}; the intact part before it is used")


@contextmanager
def sources(paths: Sequence[Path], dialect: str | None) -> Iterator[list[Source]]:
    """Open cassettes to read each once; say on stderr what a crash cut off.

    Args:
        paths: The cassettes.
        dialect: Name of a shipped dialect, or path of a file; None takes the dialect of each cassette.

    Raises:
        CassetteError: If a cassette cannot be read.
        DialectError: If the dialect is unknown or wrong.
    """
    from ..cassette.reader import open_cassette

    with ExitStack() as stack:
        yield [_source(path, stack.enter_context(open_cassette(path)), dialect) for path in paths]


def tell_if_none(sources: Sequence[Source], parts: Sequence[Part]) -> None:
    """Say on stderr why a cassette has no triples, if so."""
    from ..cassette.reader import open_cassette

    for source, part in zip(sources, parts, strict=True):
        if not part.requests:
            with open_cassette(Path(source.header.file)) as cassette:
                hint_if_none(part.requests, cassette.header, cassette.records(), source.dialect.name)


def _source(path: Path, cassette: OpenCassette, dialect: str | None) -> Source:
    from ..dialect.carried import differs_from_shipped
    from ..views.report import Source

    # damage and a torn tail are told before what is said of the dialect
    is_odd = dialect is not None or differs_from_shipped(cassette.header)
    if is_odd:
        _read_through(cassette)
    try:
        rules = rules_of(cassette.header, dialect)
    except RecorderError:
        if not is_odd:
            _read_through(cassette)
        raise
    return Source(path.name, cassette.header, cassette.records() if is_odd else _told(cassette), rules)


def _told(cassette: OpenCassette) -> Iterator[Record]:
    yield from cassette.records()
    warn(cassette.torn)


def _read_through(cassette: OpenCassette) -> None:
    deque(cassette.records(), maxlen=0)
    warn(cassette.torn)
