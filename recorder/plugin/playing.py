"""Play the cassettes of one test: the object that the fixture `standin` yields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..api.standin import StandIn
from ..api.threads import LoopThread
from ..dialect.carried import dialect_of
from ..dialect.definition import load
from ..errors import UsageError
from ..library.recording import joined, load_recording
from ..model import Recording
from ..redaction.joins import of_cassette
from ..redaction.policy import Policy
from ..replay.engine.orders.schedule import Kept
from ..replay.engine.witness import Witness
from .settings import Settings

_REMEMBERED = 32  # recordings kept in memory: the tests of a module often share a cassette


class Playing(StandIn):
    """A stand-in that plays the cassettes of one test.

    Attributes:
        settings: How the test is played.

    """

    def __init__(self, settings: Settings, thread: LoopThread, kept: Kept | None = None) -> None:
        """Read the cassettes of a test.

        Args:
            settings: How the test is played.
            thread: Thread that serves the stand-ins of all tests in this process.
            kept: Schedule by which the cassettes are played; None plays and notes nothing but the recorded order.

        Raises:
            RecorderError: If a cassette cannot be read, or the settings do not fit it.

        """
        self.settings, self._kept, self._witness = settings, kept, Witness()
        virtual = settings.rate is None
        super().__init__(
            recording_of(settings.places, settings.dialect),
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
            match=settings.match,
            witness=self._witness,
            schedule=kept,
        )
        self._names = [path.name for path in settings.cassettes]

    @property
    def policy(self) -> Policy | None:
        """The policy that the cassettes were redacted by; None for cassettes in the clear."""
        return of_cassette(self.recording.header, self.settings.policy, described=True)

    def page(self) -> str | None:
        """Return the page that compares the cassettes with what the clients did; None if no client was there.

        Raises:
            RecorderError: If a cassette cannot be read.

        """
        from .comparing import MOST, Live, Rules, page_of  # noqa: PLC0415  # only for a test that failed

        records, known = self._call(self._witness.records), self._call(lambda: self._engine.pseudonyms)
        if not records or len(self.recording.triples) > MOST:
            return None
        settings = self.settings
        dialect = load(settings.dialect) if settings.dialect else dialect_of(self.recording.header)
        live = Live("what the test did", self.url, records, self._witness.left_out, known)
        rules = Rules(dialect, self.policy, settings.policy)
        return page_of(settings.places, settings.names, self.recording, live, rules, kept=self._drawn())

    def _drawn(self) -> Kept | None:
        """Return the schedule that a page draws: as it is, or if no order is known with it, with the order played."""
        kept = self._kept
        if kept is None or not kept.schedule.deviations:
            return None
        if kept.played:
            return kept
        acts = self.order.acts
        played, answers = tuple((act.name, act.at) for act in acts), tuple(act.answer for act in acts)
        return replace(kept, played=played, answers=answers)


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
