"""The one tree of errors.

    RecorderError                 anything the recorder says no to; `exit_code` is what the command line ends with
    ├── UsageError            2   the caller asked for something that cannot be (port in use, file exists)
    │   └── FilterError       2   a filter has a mistake
    ├── CassetteError         4   a cassette cannot be read: not one, damaged, or too new
    │   └── TornTail          4   the file ends inside a frame: what a crash leaves; everything before is good
    ├── SettingsError         2   a TOML file has a mistake
    │   ├── DialectError      2   in a dialect
    │   └── PolicyError       2   in a redaction policy
    ├── NothingSelected       5   the selection is empty
    ├── UpstreamError         6   the server to be recorded cannot be reached
    ├── CaptureError          4   the capture cannot be kept (disk full, writer dead)
    └── SecretsFound          7   a scan found what must not be in a cassette

Each message says what happened, where, and what to do next.
"""

from __future__ import annotations


class RecorderError(Exception):
    """Base of all errors of this package. Its text is one line, fit for a user."""

    exit_code = 1


class UsageError(RecorderError):
    """The caller's fault: an argument that cannot be honoured."""

    exit_code = 2


class FilterError(UsageError):
    """A mistake in a filter.

    Attributes:
        column: Where it stands, in characters from 1.
        problem: What is wrong or was expected there.

    """

    def __init__(self, column: int, problem: str) -> None:
        self.column = column
        self.problem = problem
        super().__init__(f"filter, column {column}: {problem}")


class CassetteError(RecorderError):
    """A cassette that cannot be read.

    Attributes:
        path: The file, or "<bytes>" for data in memory.
        offset: Byte offset of the first frame that is not intact, None where the whole file is meant.

    """

    exit_code = 4

    def __init__(self, path: str, problem: str, *, offset: int | None = None, hint: str = "") -> None:
        self.path = path
        self.offset = offset
        self.problem = problem
        where = path if offset is None else f"{path}, byte {offset}"
        super().__init__(f"{where}: {problem}" + (f" ({hint})" if hint else ""))


class TornTail(CassetteError):
    """The file ends inside a frame, as a crash leaves it. Everything before `offset` is intact."""


class SettingsError(RecorderError):
    """A TOML file has a mistake: names the file, the line and the key.

    Attributes:
        line: Counted from 1; None where the file has no such place (a missing table).
        problems: All mistakes found in the file, this one among them.

    """

    exit_code = 2

    def __init__(self, path: str, key: str, problem: str, *, line: int | None = None) -> None:
        self.path = path
        self.key = key
        self.line = line
        self.problems: tuple[SettingsError, ...] = (self,)
        super().__init__(f"{path}{'' if line is None else f':{line}'}: {key}: {problem}")


class DialectError(SettingsError):
    """A mistake in a dialect."""


class PolicyError(SettingsError):
    """A mistake in a redaction policy."""


class NothingSelected(RecorderError):
    """A selection that holds nothing."""

    exit_code = 5


class UpstreamError(RecorderError):
    """The server to be recorded cannot be reached."""

    exit_code = 6


class CaptureError(RecorderError):
    """The capture cannot be kept on disk."""

    exit_code = 4


class SecretsFound(RecorderError):
    """A scan found what must not be in a cassette."""

    exit_code = 7
