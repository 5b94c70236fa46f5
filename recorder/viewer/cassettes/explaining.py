"""Explain a triple or an event of the page, as `recorder explain` does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from ...cassette.reader import open_cassette
from ...views.explained import asking
from .snapshot import Snapshot, Where

Turn = Callable[[], AbstractContextManager[Snapshot]]


def explained(what: str, where: Where, turn: Turn) -> str:
    """Return what `recorder explain FILE WHAT` prints.

    The rules read the records up to an event anew, from a file of their own: that may take long, and others need not
    wait for it.

    Args:
        what: A triple (3), an event (3.2, u1).
        where: Where the cassette is.
        turn: Waits for the recording, and has it until the block ends.

    Raises:
        RecorderError: If there is no such thing, or the cassette cannot be read.
    """
    with turn() as snapshot:
        whole, wanted = asking.named(snapshot.found.recording, what, where.name)
        if whole:
            return "\n".join(asking.text_of(triple, snapshot.found) for triple in whole)
        dialect = snapshot.dialect
    with open_cassette(where.path) as cassette:
        judgements = asking.judged_in(cassette.records(), dialect, wanted)
    with turn() as snapshot:
        return "".join(
            asking.text_of_event(snapshot.found, one) for one in asking.judging(snapshot.found, wanted, judgements)
        )
