"""Define the errors of this package, in one tree.

    RecorderError                 base of all; `exit_code` is the exit code of the command line
    ├── UsageError            2   an argument cannot be used (port in use, file exists)
    │   └── FilterError       2   a filter has a mistake
    ├── CassetteError         4   a cassette cannot be read: another kind of file, damaged, or too new
    │   └── TornTail          4   the file ends inside a frame, as after a crash; everything before it is intact
    ├── InputError           4   a file cannot be read any further: its disk fails
    ├── SettingsError         2   a TOML file has a mistake
    │   ├── DialectError      2   a dialect has a mistake
    │   ├── PolicyError       2   a redaction policy has a mistake
    │   ├── ValuesError       2   a file with the values of a drive has a mistake; none of them is in the text
    │   └── EditError         2   the text of a cassette has a mistake
    ├── NothingSelected       5   the selection is empty
    ├── UpstreamError         6   the server to be recorded cannot be reached
    ├── OutputError           4   a file cannot be written (disk full, no permission); the old one is unchanged
    │   └── CaptureError      4   the capture cannot be kept (disk full, writer dead)
    ├── WorkerError           4   a process that did a part of the work was killed
    └── SecretsFound          7   a scan found values that must not be in a cassette

Each message says what happened, where, and what to do next.
"""

from __future__ import annotations

from functools import partial
from typing import Self

from .printable import counted, printable


class RecorderError(Exception):
    """Base of all errors of this package; its text is one line, fit for a user."""

    exit_code = 1

    def __str__(self) -> str:
        """Return the text with control characters escaped: file names and cassettes may hold any character."""
        return printable(super().__str__())


class UsageError(RecorderError):
    """An argument of the caller that cannot be used."""

    exit_code = 2


class FilterError(UsageError):
    """A mistake in a filter.

    Attributes:
        column: Place of the mistake, in characters from 1.
        problem: What is wrong at the column, or what the parser expected there.
    """

    def __init__(self, column: int, problem: str) -> None:
        self.column = column
        self.problem = problem
        super().__init__(f"filter, column {column}: {problem}")


class CassetteError(RecorderError):
    """A cassette that cannot be read.

    Attributes:
        path: The file, or "<bytes>" for data in memory.
        offset: Byte offset of the first damaged frame; None if the error is about the whole file.
        problem: What is wrong, without the place.
        hint: What may be the cause, or what to do; "" if nothing is known.
    """

    exit_code = 4

    def __init__(self, path: str, problem: str, *, offset: int | None = None, hint: str = "") -> None:
        self.path = path
        self.offset = offset
        self.problem = problem
        self.hint = hint
        where = path if offset is None else f"{path}, byte {offset}"
        super().__init__(f"{where}: {problem}" + (f" ({hint})" if hint else ""))

    def __reduce__(self) -> tuple[partial[Self], tuple[str, str]]:
        """Return how to make the error again, for a process that works for another one."""
        return partial(type(self), offset=self.offset, hint=self.hint), (self.path, self.problem)


class TornTail(CassetteError):
    """A cassette that ends inside a frame, as after a crash; everything before `offset` is intact."""


class InputError(RecorderError):
    """A file that cannot be read any further: its disk fails, or its server is gone."""

    exit_code = 4


class SettingsError(RecorderError):
    """A mistake in a TOML file; the text names the file, the line and the key.

    Attributes:
        path: The TOML file.
        key: The key that has the mistake.
        line: Line of the mistake, from 1; None if the file has no such line (a missing table).
        problem: The cause, and a proposal.
        problems: All mistakes found in the file, this one among them.
    """

    exit_code = 2
    command = ""  # that tells all mistakes of a file

    def __init__(self, path: str, key: str, problem: str, *, line: int | None = None) -> None:
        self.path = path
        self.key = key
        self.line = line
        self.problem = problem
        self.problems: tuple[SettingsError, ...] = (self,)
        super().__init__(f"{path}{'' if line is None else f':{line}'}: {key}: {problem}")

    def among(self, problems: tuple[SettingsError, ...]) -> Self:
        """Return the error that stands for all mistakes of a file: its text says how to see the others."""
        others = len(problems) - 1
        hint = f" ({counted(others, 'more mistake')}: {self.command} {self.path})"
        found = type(self)(self.path, self.key, self.problem + hint if others else self.problem, line=self.line)
        found.problems = problems
        return found


class DialectError(SettingsError):
    """A mistake in a dialect."""

    command = "recorder dialect check"


class PolicyError(SettingsError):
    """A mistake in a redaction policy."""

    command = "recorder policy check"


class ValuesError(SettingsError):
    """A mistake in a file with the values of a drive; the text names keys, and no value."""

    command = "recorder drive CASSETTE --dry-run --values"


class EditError(SettingsError):
    """A mistake in the text of a cassette."""

    command = "recorder edit --from"


class NothingSelected(RecorderError):
    """A selection that is empty."""

    exit_code = 5


class UpstreamError(RecorderError):
    """A recorded server that cannot be reached."""

    exit_code = 6


class OutputError(RecorderError):
    """A file that cannot be written; an old file with its name is unchanged."""

    exit_code = 4


class CaptureError(OutputError):
    """A capture that cannot be kept on disk."""


class WorkerError(RecorderError):
    """A process that did a part of the work ended before it was done, e.g. because memory ran out."""

    exit_code = 4


class SecretsFound(RecorderError):
    """Values that a scan found in a cassette, and that a cassette must not hold."""

    exit_code = 7
