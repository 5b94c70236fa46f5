"""What a test is told of its cassette when it ends, and what is kept of one that failed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .playing import Playing

_UNFIT = re.compile(r"[^\w.-]+")


def missed(playing: Playing) -> str | None:
    """Why a test must not pass: requests that nothing matched, with what to do about each."""
    misses = playing.misses
    if not misses:
        return None
    count = f"{len(misses)} request{'s' if len(misses) > 1 else ''} matched nothing in {_names(playing)}"
    return "\n\n".join([count, *(text.rstrip() for text in misses)])


def left_over(playing: Playing) -> str | None:
    """What was recorded and not asked for."""
    left = set(playing.unplayed)
    if not left:
        return None
    lines = [
        f"  triple {t.n}: {t.operation or t.request.method} {t.request.target}"
        for t in playing.recording.triples
        if t.n in left
    ]
    return "\n".join([f"not asked for, of {_names(playing)}:", *lines])


def summary(playing: Playing) -> str:
    """How far the clients got, for a test that failed."""
    lines = [f"{_names(playing)}: played {_numbers(playing.played)}, not asked for {_numbers(playing.unplayed)}"]
    stall = playing.stall
    return "\n".join([*lines, *([stall] if stall else []), *([found] if (found := missed(playing)) else [])])


def keep_report(folder: Path, test: str, playing: Playing) -> Path:
    """Write what was played and missed in a failed test, as JSON and as text; where to."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _UNFIT.sub("-", test).strip("-")[:150]
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
