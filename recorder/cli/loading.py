"""Read cassettes for the commands; warn of the part that a crash cut off, and say why there are no triples."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Sized
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import chain, islice, product
from math import ceil, floor, prod
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from ..errors import NothingSelected, RecorderError, TornTail
from ..model import FORMAT, Header, Record, Recording, Triple
from ..printable import counted
from .saying import progress, say

if TYPE_CHECKING:
    from ..cassette.reader import Cassette, OpenCassette
    from ..dialect.definition import Dialect
    from ..library.lazy import Making, OpenRecording
    from ..library.stored import Triples
    from ..views.filter import Expression
    from ..views.report import Part, Source

Find: TypeAlias = Callable[[str, Iterable[str]], Collection[int]]

_SAID = f"{__name__}.said"
_UNLISTED = frozenset({"event", "method", "path", "rule", "session", "state"})  # all other keys are in the index
_LARGE = 10_000  # triples of a journal from which on an index is worth a hint
_BLOCK = 2_048  # triples that are judged together
_MOST = 4096  # spellings of a value that are looked up
_OTHERS = {"k": "\u212a"}  # the one letter outside of ASCII whose small letter is in ASCII: the Kelvin sign


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


def opened(
    path: Path, dialect: str | None, making: Making | None = None, *, rules_first: bool = False
) -> OpenRecording:
    """Open one cassette as a recording; say on stderr why it has no triples, if so, and what a crash cut off.

    Args:
        path: The cassette.
        dialect: Name of a shipped dialect, or path of a file; None takes the dialect of the cassette.
        making: Returns what makes the tables of a replay; None where none are needed.
        rules_first: Tell of its dialect before damage of the file; else after it.

    Raises:
        CassetteError: If the cassette cannot be read.
        DialectError: If the dialect is unknown or wrong.
    """
    from ..library.lazy import open_recording

    told: list[str] = []
    header, rules = header_and_rules(path, dialect, say_once if rules_first else told.append, is_read=not rules_first)
    with progress(f"{path}: reads") as shown:
        found = open_recording(path, None if dialect is None else rules, making, watch=shown.feed if shown else None)
    with ExitStack() as closing:
        closing.callback(found.close)  # unless all below succeeds
        warn(found.torn)
        for text in told:
            say_once(text)
        _hint_to_seal(path, found, dialect)
        hint_if_none(found.recording.triples, header, found.cassette.records(), rules.name)
        closing.pop_all()
    return found


def _hint_to_seal(path: Path, found: OpenRecording, dialect: str | None) -> None:
    """Say on stderr, once, that a large cassette is read as a whole each time, and how it is not."""
    is_old = found.cassette.header.format < FORMAT
    way = f"recorder {'migrate' if is_old else 'seal'} {shlex.quote(str(path))}"
    if found.stale and dialect is None:
        say_once(f"{path}: {found.stale}, so they are derived anew each time; {way} stores those of this version")
    elif not found.is_stored and len(found.recording.triples) >= _LARGE:
        say_once(f"{path}: has no index, so that each command reads the whole file; {way} adds one")


def derived(path: Path, dialect: str | None) -> tuple[Cassette, Recording]:
    """Read one cassette into memory and derive its recording; say on stderr why it has no triples, if so.

    The arguments and errors are those of `load`.
    """
    from ..library.recording import derive

    cassette = read(path)
    rules = rules_of(cassette.header, dialect)
    recording = derive(cassette, rules)
    hint_if_none(recording.triples, cassette.header, cassette.records, rules.name)
    return cassette, recording


def header_and_rules(
    path: Path, dialect: str | None, tell: Callable[[str], None] | None = None, *, is_read: bool = True
) -> tuple[Header, Dialect]:
    """Return the header and the dialect of a cassette.

    Args:
        path: The cassette.
        dialect: Name of a shipped dialect, or path of a file; None takes the dialect of the cassette.
        tell: Takes what is to be said of the dialect; None says it on stderr.
        is_read: Whether damage of the file is told before a dialect that cannot be used.

    Raises:
        CassetteError: If the cassette is damaged, or the dialect in it cannot be used.
        DialectError: If the dialect is unknown or wrong.
    """
    from ..cassette.reader import open_cassette

    with open_cassette(path) as cassette:
        try:
            return cassette.header, rules_of(cassette.header, dialect, tell)
        except RecorderError:
            if not is_read:
                raise
            deque(cassette.records(), maxlen=0)
            warn(cassette.torn)
            return cassette.header, rules_of(cassette.header, dialect)  # which raises again, and says why


def _kept_open(found: OpenRecording) -> OpenRecording:
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(found.close)
    return found


def hint_if_none(triples: Sized, header: Header, records: Iterable[Record], dialect: str) -> None:
    """Print the reason on stderr, if a cassette has no triples, and the command that helps.

    Args:
        triples: All triples of the cassette.
        header: Its header.
        records: Its records, which are read only if there are no triples.
        dialect: Name of the dialect by which the triples were derived.
    """
    if not len(triples):
        say_once(f"{header.file}: {_why_none(header.file, records, dialect)}")


def _why_none(file: str, records: Iterable[Record], dialect: str) -> str:
    from ..dialect.fitting import best_fit, every

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


def rules_of(header: Header, named: str | None, tell: Callable[[str], None] | None = None) -> Dialect:
    """Return the dialect to read a cassette by; say on stderr, once, if another one of that name differs from it.

    Args:
        header: The header of the cassette.
        named: Name of a shipped dialect, or path of a file; None takes the dialect of the cassette.
        tell: Takes what is to be said; None says it on stderr.

    Raises:
        CassetteError: If the dialect in the cassette cannot be used.
        DialectError: If the dialect is unknown or wrong.
    """
    from ..dialect.carried import dialect_of, differs_from_shipped, held, is_same_text
    from ..dialect.definition import load as load_dialect

    tell = tell or say_once
    if named is None:
        if differs_from_shipped(header):
            ways = f"it is read by its own, --dialect {header.dialect} takes the one of this version"
            tell(f"{header.file}: its dialect {header.dialect!r} differs from the one of this version; {ways}")
        return dialect_of(header)
    chosen = load_dialect(named)
    own = held(header)
    if own and chosen.name == header.dialect and not is_same_text(chosen.text, own):
        tell(f"{named}: differs from the dialect {chosen.name!r} in {header.file}; {named} is used")
    return chosen


def say_once(text: str) -> None:
    """Print one line on stderr, unless this command printed it before."""
    context = click.get_current_context(silent=True)
    said = context.meta.setdefault(_SAID, set()) if context is not None else set()
    if text not in said:
        said.add(text)
        say(text)


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
    path: Path, dialect: str | None, limit: int | None = None, by: Expression | None = None, jobs: int = 1
) -> Iterator[Triple]:
    """Yield at most `limit` triples of a cassette that the filter `by` accepts, in their recorded order.

    A cassette with an index is read only as far as the caller iterates, and only where the filter may accept a triple;
    if the index does not tell where, in so many processes.
    """
    from ..library.stored import Triples

    with _looked_up(path, dialect) as found:
        yield from islice(fitting(found, by) if isinstance(found, Triples) else chosen(found, by, jobs), limit)


@contextmanager
def _looked_up(path: Path, dialect: str | None) -> Iterator[OpenRecording | Triples]:
    """Open a cassette to look at triples: those that are stored need no rules, and are read also where these are lost.

    Raises:
        CassetteError: If the cassette cannot be read.
        DialectError: If the dialect is unknown or wrong.
    """
    from ..cassette.reader import open_cassette
    from ..dialect.carried import dialect_of
    from ..library.lazy import open_recording
    from ..library.stored import triples

    with open_cassette(path) as cassette:
        if dialect is not None or not cassette.is_sealed:
            with opened(path, dialect, rules_first=True) as found:
                yield found
            return
        try:
            dialect_of(cassette.header)
        except RecorderError:
            every = triples(cassette)
            hint_if_none(every, cassette.header, cassette.records(), cassette.header.dialect)
            yield every
            return
    with open_recording(path) as found:
        _hint_to_seal(path, found, None)
        hint_if_none(
            found.recording.triples, found.cassette.header, found.cassette.records(), found.cassette.header.dialect
        )
        yield found


def chosen(found: OpenRecording, by: Expression | None, jobs: int = 1) -> Iterator[Triple]:
    """Yield the triples of an open recording that a filter accepts, in their order; without a filter, yield all.

    Args:
        found: The recording.
        by: The filter.
        jobs: Number of processes that look for them, if the file has an index, but that does not tell where they are.
    """
    from ..library.stored import with_any

    every = found.recording.triples
    near = _candidates(by, len(every), partial(with_any, found)) if by is not None else None
    if near is not None:
        return fitting((every[n - 1] for n in sorted(near)), by)
    if by is None or jobs == 1 or not found.is_stored or len(every) <= _BLOCK:
        return fitting(every, by)
    return _divided(found, by, jobs)


def _divided(found: OpenRecording, by: Expression, jobs: int) -> Iterator[Triple]:
    """Yield the triples that a filter accepts; several processes look for them, each in blocks of their own."""
    from .jobs import mapped

    every = found.recording.triples
    blocks = (range(first, min(first + _BLOCK, len(every))) for first in range(0, len(every), _BLOCK))
    args = found.cassette.place, found.recording.header, by
    for places in mapped(_accepted, args, blocks, jobs):
        yield from map(every.__getitem__, places)
    found.verify()


def _accepted(path: Path, header: Header, by: Expression) -> Callable[[range], list[int]]:
    """Return the function that gives the places, among some, of the triples that a filter accepts."""
    from ..dialect.carried import dialect_of
    from ..library.lazy import open_recording
    from ..views.fitting import accepting

    found = open_recording(path, dialect_of(header))  # it is open until the process ends
    every, fits = found.recording.triples, accepting(by)
    return lambda places: [place for place in places if fits(every[place])]


def _candidates(expression: Expression, count: int, find: Find) -> Collection[int] | None:
    """Return the numbers of the triples that a filter may accept; None if the index does not tell.

    Args:
        expression: The filter.
        count: Number of all triples, which are numbered from 1.
        find: Returns the numbers of the triples that may have one of several values of a key.
    """
    from ..views.filter import Either, Every, Like, Within

    match expression:
        case Like(key=key, pieces=(text,)) if key not in _UNLISTED and 0 < _spellings(text) <= _MOST:
            return find(key, _spelt(text))
        case Within(key="n", low=low, high=high):
            return range(max(ceil(low or 0), 1), min(count, count if high is None else floor(high)) + 1)
        case Every(terms=terms):
            found = [some for term in terms if (some := _candidates(term, count, find)) is not None]
            return min(found, key=len, default=None)
        case Either(groups=groups):
            parts = [_candidates(group, count, find) for group in groups]
            known = [part for part in parts if part is not None]
            return {n for part in known for n in part} if len(known) == len(parts) else None
        case _:
            return None


def _spellings(text: str) -> int:
    """Return how many texts have this one in small letters; 0 if that is not known.

    A filter sees "?" in place of what UTF-8 cannot hold.
    """
    return prod(len(_letters(letter)) for letter in text) if text.isascii() and "?" not in text else 0


def _spelt(text: str) -> Iterator[str]:
    return map("".join, product(*map(_letters, text)))


def _letters(small: str) -> str:
    return small + small.upper() + _OTHERS.get(small, "") if small.isalpha() else small


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
    from ..library.stored import Triples, with_keys

    with _looked_up(path, dialect) as cassette:
        every = cassette if isinstance(cassette, Triples) else cassette.recording.triples
        if number is None:
            found = cassette.with_keys(keys) if isinstance(cassette, Triples) else list(with_keys(cassette, keys))
        elif isinstance(every, Triples):
            found = every.numbered(number)
        else:
            found = [every[number - 1]] if 1 <= number <= len(every) else []
        if not found:
            wanted = str(number) if number is not None else " and ".join(f"with {k} {v}" for k, v in keys.items())
            held = f"1 to {len(every)}" if len(every) else "none"
            raise NothingSelected(f"{path}: no triple {wanted}; it holds {held}")
        return found


def warn(torn: TornTail | None) -> None:
    """Say on stderr that a crash cut the end of a cassette off, if so."""
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
    for source, part in zip(sources, parts, strict=True):
        if not part.requests:
            hint_if_none(part.requests, source.header, source.records, source.dialect.name)


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
    return Source(path.name, cassette.header, _Told(cassette, is_told=is_odd), rules)


class _Told:
    """The records of a cassette, which can be read more than once; the first time a torn tail is told behind them."""

    def __init__(self, cassette: OpenCassette, *, is_told: bool) -> None:
        self._cassette, self._is_told = cassette, is_told

    def __iter__(self) -> Iterator[Record]:
        yield from self._cassette.records()
        if not self._is_told:
            warn(self._cassette.torn)
        self._is_told = True


def _read_through(cassette: OpenCassette) -> None:
    deque(cassette.records(), maxlen=0)
    warn(cassette.torn)
