"""Reads cassettes for the commands, and says aloud what a crash cut off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..model import Recording


def load(paths: Sequence[Path], dialect: str | None) -> Recording:
    """One recording of one or more cassettes.

    Raises:
        CassetteError: If one cannot be read.
        DialectError: If the dialect is unknown or wrong.
        UsageError: If the cassettes were recorded with different dialects.

    """
    from ..cassette.store import read
    from ..correlate.dialect import load as load_dialect
    from ..correlate.recording import derive, joined

    chosen = load_dialect(dialect) if dialect else None
    recordings = []
    for path in paths:
        cassette = read(path)
        if cassette.torn is not None:
            click.echo(f"recorder: warning: {cassette.torn}; what stands before it is shown", err=True)
        recordings.append(derive(cassette, chosen))
    return joined(recordings)
