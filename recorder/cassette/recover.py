"""Make a clean cassette of what a crash left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .codec import encode
from .store import Cassette, Journal, read


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was kept (records) and what was cut (bytes)."""

    kept: int
    cut: int


def recover(source: Path, target: Path, *, force: bool = False) -> Recovered:
    """Copy every record before the torn tail of `source` to `target`, and re-read it before saying yes.

    Raises:
        CassetteError: If `source` is no cassette, or damaged before its tail.
        UsageError: If `target` exists and `force` is not given.

    """
    cassette = read(source)
    journal = Journal(target, cassette.header, force=force)
    try:
        journal.append([encode(record) for record in cassette.records])
        journal.sync()
    finally:
        journal.close()
    _verify(read(target), cassette)
    cut = source.stat().st_size - cassette.torn.offset if cassette.torn and cassette.torn.offset else 0
    return Recovered(kept=len(cassette.records), cut=cut)


def _verify(written: Cassette, meant: Cassette) -> None:
    if written.records != meant.records or written.header != meant.header:
        raise AssertionError("the recovered cassette differs from what was read")  # a bug of ours, never of the file
