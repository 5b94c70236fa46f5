"""Build the texts about its cassette that a test ends with, and write what is kept of a failed test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..output import replacing
from ..printable import counted
from ..replay.engine.status import numbers, unheard_text
from .playing import Playing
from .settings import own_name


def missed(playing: Playing, since: int = 0) -> str | None:
    """Return an explanation of each miss after the first `since`, with advice; None without such a miss."""
    misses = playing.misses[since:]
    if not misses:
        return None
    count = f"{counted(len(misses), 'request')} matched nothing in {_names(playing)}"
    return "\n\n".join([count, *(text.rstrip() for text in misses)])


def unheard(playing: Playing) -> str | None:
    """Return a line for each client that lacks a push session for its events while others have one; None without."""
    return "\n".join(f"{_names(playing)}: {unheard_text(found)}" for found in playing.unheard) or None


def left_over(playing: Playing) -> str | None:
    """Return a list of the triples and events for which no client did what they wait for; None if all were played."""
    left = set(playing.unplayed)
    lines = [
        f"  triple {t.n}: {t.operation or t.request.method} {t.request.target}"
        for t in playing.recording.triples
        if t.n in left
    ]
    lines += [f"  event {one['event']}: {one['name']} waits for {one['waits_for']}" for one in playing.unplayed_events]
    return "\n".join([_progress(playing), *lines]) if lines else None


def summary(playing: Playing, told: int = 0) -> str:
    """Return how far the clients got in the recording, and the misses after the first `told`; for a failed test."""
    lines = [
        _progress(playing),
        playing.stall,
        _last_triple(playing),
        unheard(playing),
        missed(playing, told),
    ]
    return "\n".join(line for line in lines if line)


def _last_triple(playing: Playing) -> str | None:
    """Return the events of the last played triple: a stuck client may wait for an event that was never recorded."""
    last = next((t for t in reversed(playing.recording.triples) if t.n in playing.played), None)
    if last is None:
        return None
    pending = playing.pending
    events = ", ".join(link.name or link.event.channel for link in last.events) or "none"
    on_its_way = (
        f"{counted(pending, 'event or ack is', 'events and acks are')} on the way" if pending else "all have left"
    )
    return f"events of triple {last.n} ({last.operation}): {events}; {on_its_way}"


def path_of_report(folder: Path, test: str) -> Path:
    """Return the path of the files about a failed test, without their suffix.

    Args:
        folder: Folder of the reports.
        test: Id of the test.
    """
    place, bracket, parameters = test.partition("[")
    return folder / own_name([place.replace("/", "-").replace("::", "-") + bracket + parameters])


def keep(path: Path, contents: Mapping[str, str], cassettes: Sequence[Path]) -> None:
    """Write files about a failed test.

    Args:
        path: The path without a suffix.
        contents: The texts, by suffix.
        cassettes: The cassettes: nobody may read a file who may not read them.

    Raises:
        OutputError: If a file cannot be written.
        UsageError: If a name is taken by a folder or a device.
    """
    for suffix, content in contents.items():
        # whoever may write into the folder can guess the name, and make it a link to a file of ours
        with replacing(path.with_name(path.name + suffix), force=True, like=cassettes, follow=False) as file:
            file.write(f"{content}\n".encode("utf-8", "backslashreplace"))


def as_json(test: str, report: dict[str, Any]) -> str:
    """Return the report of a failed test as JSON."""
    return json.dumps({"test": test} | report, ensure_ascii=False, indent=1)


def _progress(playing: Playing) -> str:
    return f"{_names(playing)}: played {_numbers(playing.played)}; not asked for: {_numbers(playing.unplayed)}"


def _names(playing: Playing) -> str:
    return playing.settings.names


def _numbers(of: tuple[int, ...]) -> str:
    return numbers(of) or "nothing"
