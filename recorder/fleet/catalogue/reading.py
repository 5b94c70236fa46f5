"""Read cassettes into pieces: the part of a build that many processes do at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from ...cassette.reader import open_cassette
from ...diagnose.check import Finding
from ...diagnose.doctor import examine
from ...dialect.carried import dialect_of
from ...dialect.definition import Dialect, parse
from ...errors import CassetteError, InputError, OutputError, RecorderError
from ...library.lazy import open_recording
from ...model import IN_CLEAR, RULES, Header
from ..store.fetched import at_hand
from .listing import Source
from .pieces import Packer, Piece
from .rows import Maker, Values, row_of_finding, time_of
from .schema import VERSION

CLEAR = "holds values in the clear"  # how the problem of a cassette begins that was left out for its values
_COUNTED = "triples", "events", "sessions", "findings"
_TAKEN, _REFUSED = " with clear text", " without clear text"


@dataclass(frozen=True, slots=True)
class Settings:
    """The options by which cassettes are read.

    Attributes:
        dialect: Text and path of the dialect to read all of them by; None takes that of each cassette.
        takes_clear: Also take cassettes that were not redacted.
    """

    dialect: tuple[str, str] | None = None
    takes_clear: bool = False

    @property
    def rules(self) -> str:
        """Name of all that the rows depend on beside the cassette."""
        own = "" if self.dialect is None else " " + sha256(self.dialect[0].encode("utf-8", "surrogatepass")).hexdigest()
        return f"{RULES}{own[:17]}"

    def is_current(self, rules: str) -> bool:
        """Return whether rows that were made by `rules` are those that would be made now."""
        return rules in (self.rules, self.rules + (_TAKEN if self.takes_clear else _REFUSED))

    def rules_for(self, header: Header | None) -> str:
        """Return the rules by which the rows of a cassette with this header are made."""
        if header is None or header.redaction not in IN_CLEAR:
            return self.rules
        return self.rules + (_TAKEN if self.takes_clear else _REFUSED)


@dataclass(slots=True)
class Read:
    """The result of reading some cassettes.

    Attributes:
        names: The cassettes that were read, each with its problem or None.
    """

    pieces: list[Piece] = field(default_factory=list)
    names: list[tuple[str, str | None]] = field(default_factory=list)


@dataclass(slots=True)
class _About:
    """The row of a cassette, as far as it is known."""

    source: Source
    header: Header | None = None
    dialect: str | None = None
    began: int | None = None
    ended: int | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    days: set[int] = field(default_factory=set)
    problem: str | None = None
    is_passing: bool = False  # the problem may be gone next time, although the file is the same


def reader(settings: Settings) -> Callable[[Sequence[Source]], Read]:
    """Return the function that reads some cassettes."""
    dialect = None if settings.dialect is None else parse(settings.dialect[0], path=settings.dialect[1])
    return lambda sources: _Reading(settings, dialect).read(sources)


class _Reading:
    """Reads some cassettes, one after the other."""

    def __init__(self, settings: Settings, dialect: Dialect | None) -> None:
        self._settings, self._dialect, self._packer, self._read = settings, dialect, Packer(), Read()
        self._made_by = version("outbound-recorder")

    def read(self, sources: Sequence[Source]) -> Read:
        for source in sources:
            about = _About(source)
            try:
                # One that is elsewhere is copied: it is read several times, and all of it.
                self._one(about, at_hand(source.path))
            except OutputError:
                raise  # there is no room for temporary data: nothing can be read
            except Exception as exc:  # noqa: BLE001  # a file can be damaged in any way; its row tells it
                about.problem, about.is_passing = _problem(exc)
            self._packer.cassette(self._row(about))
            self._read.names.append((source.name, about.problem))
        self._read.pieces = self._packer.finish()
        return self._read

    def _one(self, about: _About, path: Path) -> None:
        with open_cassette(path) as cassette:
            header = about.header = cassette.header
        if header.redaction in IN_CLEAR and not self._settings.takes_clear:
            about.problem = f"{CLEAR} (redaction: {header.redaction}); redact it, or take it with --clear-text"
            return
        findings = examine(path, None, self._dialect, beside=False)
        try:
            self._rows(about, path, header, findings)
        except Exception:
            self._packer.drop(about.source.name)
            self._findings_alone(about, header, findings)
            raise

    def _rows(self, about: _About, path: Path, header: Header, findings: list[Finding]) -> None:
        rules = self._dialect or dialect_of(header)
        about.dialect = rules.name
        with open_recording(path, self._dialect) as found:
            maker = Maker(about.source.name, found, rules, findings)
            about.began, about.ended = maker.began, maker.ended
            for row in maker:
                self._packer.add(rules.name, row)
            about.counts, about.days = maker.counts, maker.days

    def _findings_alone(self, about: _About, header: Header, findings: list[Finding]) -> None:
        """Take the findings of a cassette that cannot be read to its end."""
        about.dialect = header.dialect if self._dialect is None else self._dialect.name
        about.began, about.ended = time_of(header.started, 0), None
        for finding in findings:
            row = row_of_finding(about.source.name, about.began, finding)
            self._packer.add(about.dialect, row)
            about.days.add(row.day)
        about.counts["findings"] = len(findings)

    def _row(self, about: _About) -> Values:
        source, header = about.source, about.header
        mark = "" if about.is_passing else source.mark
        return (
            source.name, source.size, mark, self._settings.rules_for(header), VERSION, self._made_by, about.dialect,
            header and header.redaction, about.began, about.ended, *(about.counts[name] for name in _COUNTED),
            sorted(about.days), about.problem,
        )  # fmt: skip


def _problem(exc: Exception) -> tuple[str, bool]:
    """Return why a cassette could not be read, and whether that may be otherwise next time."""
    if isinstance(exc, CassetteError):
        where = "" if exc.offset is None else f"byte {exc.offset}: "
        hint = f" ({exc.hint})" if exc.hint else ""
        return f"{where}{exc.problem}{hint}", isinstance(exc.__cause__, OSError)
    if isinstance(exc, RecorderError | OSError):
        return str(exc), isinstance(exc, InputError | OSError)
    return f"cannot be read: {exc!r}", True
