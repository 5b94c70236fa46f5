"""Play the cassettes of one test: what the fixture `standin` is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ..api.standin import StandIn
from ..api.threads import LoopThread
from ..dialect.definition import load
from ..errors import UsageError
from ..library.recording import joined, load_recording
from ..model import Recording
from .settings import Settings

_REMEMBERED = 32  # recordings


class Playing(StandIn):
    """A stand-in that plays the cassettes of one test.

    Attributes:
        settings: How the test is played.

    """

    def __init__(self, settings: Settings, thread: LoopThread) -> None:
        """Read the cassettes of a test; `thread` serves all tests of the process.

        Raises:
            RecorderError: If a cassette cannot be read, or the settings do not fit it.

        """
        self.settings = settings
        virtual = settings.rate is None
        super().__init__(
            recording_of(settings.cassettes, settings.dialect),
            rate=1.0 if settings.rate is None else settings.rate,
            clock="virtual" if virtual else "wall",
            repeat=settings.repeat.value,
            strict=settings.strict,
            faults=settings.faults,
            seed=settings.seed,
            dialect=settings.dialect,
            policy=settings.policy,
            thread=thread,
        )
        self._names = [path.name for path in settings.cassettes]


def recording_of(paths: Sequence[Path], dialect: str | None) -> Recording:
    """Return what cassettes hold; it is remembered while the files stay as they are.

    Raises:
        RecorderError: If one is missing, or cannot be read.

    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(
            f"there is no {', '.join(missing)}; record it from the real server: "
            "pytest --cassette-mode once --cassette-upstream URL"
        )
    return joined([_read(path, path.stat().st_mtime_ns, dialect) for path in paths])


@lru_cache(maxsize=_REMEMBERED)
def _read(path: Path, _: int, dialect: str | None) -> Recording:
    return load_recording(path, load(dialect) if dialect else None)
