"""What a test is told of its cassette when it ends, and what is kept of one that failed."""

from __future__ import annotations

import json
from pathlib import Path

from .playing import Playing
from .settings import own_name


def missed(playing: Playing, since: int = 0) -> str | None:
    """Why a test must not pass: requests that nothing matched, with what to do about each, but for the first ones."""
    misses = playing.misses[since:]
    if not misses:
        return None
    count = f"{len(misses)} request{'s' if len(misses) > 1 else ''} matched nothing in {_names(playing)}"
    return "\n\n".join([count, *(text.rstrip() for text in misses)])


def left_over(playing: Playing) -> str | None:
    """Describe the triples that were recorded and not asked for; None where there are none."""
    left = set(playing.unplayed)
    if not left:
        return None
    lines = [
        f"  triple {t.n}: {t.operation or t.request.method} {t.request.target}"
        for t in playing.recording.triples
        if t.n in left
    ]
    return "\n".join([f"not asked for, of {_names(playing)}:", *lines])


def summary(playing: Playing, told: int = 0) -> str:
    """How far the clients got, for a test that failed and told of the first misses already."""
    lines = [
        f"{_names(playing)}: played {_numbers(playing.played)}, not asked for {_numbers(playing.unplayed)}",
        playing.stall,
        _last_triple(playing),
        missed(playing, told),
    ]
    return "\n".join(line for line in lines if line)


def _last_triple(playing: Playing) -> str | None:
    """Describe the events of the last triple asked for: the client may wait for more than was recorded."""
    last = next((t for t in reversed(playing.recording.triples) if t.n in playing.played), None)
    if last is None:
        return None
    pending = playing.pending
    events = ", ".join(link.name or link.event.channel for link in last.events) or "none"
    on_its_way = f"{pending} events and acks are on their way" if pending else "all have left"
    return f"events of triple {last.n} ({last.operation}): {events}; {on_its_way}"


def keep_report(folder: Path, test: str, playing: Playing) -> Path:
    """Write what was played and missed in a failed test, as JSON and as text; where to."""
    folder.mkdir(parents=True, exist_ok=True)
    place, bracket, parameters = test.partition("[")
    path = folder / own_name([place.replace("/", "-").replace("::", "-") + bracket + parameters])
    path.with_name(f"{path.name}.txt").write_text(summary(playing) + "\n", encoding="utf-8")
    target = path.with_name(f"{path.name}.json")
    target.write_text(
        json.dumps({"test": test} | playing.report(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return target


def _names(playing: Playing) -> str:
    return ", ".join(path.name for path in playing.settings.cassettes)


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers)) or "nothing"
