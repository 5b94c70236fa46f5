"""Play the cassettes of one test: the object that the fixture `standin` yields."""

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

_REMEMBERED = 32  # recordings kept in memory: the tests of a module often share a cassette


class Playing(StandIn):
    """A stand-in that plays the cassettes of one test.

    Attributes:
        settings: How the test is played.

    """

    def __init__(self, settings: Settings, thread: LoopThread) -> None:
        """Read the cassettes of a test.

        Args:
            settings: How the test is played.
            thread: Thread that serves the stand-ins of all tests in this process.

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
            allow_hosts=settings.allow_host,
            allow_origins=settings.allow_origin,
            thread=thread,
        )
        self._names = [path.name for path in settings.cassettes]


def recording_of(paths: Sequence[Path], dialect: str | None) -> Recording:
    """Return one recording of several cassettes; each cassette is read again only when its file has changed.

    Raises:
        RecorderError: If a cassette is missing, or cannot be read.

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
