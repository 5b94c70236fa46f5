"""Say what makes the tables by which a replay finds triples in a sealed file."""

from __future__ import annotations

from pathlib import Path

from ...dialect.definition import Dialect
from ...errors import RecorderError
from ...model import Header
from ...redaction.joins import of_cassette
from ...requests.index.making import IndexMaker
from .deriving import Maker


def maker_of(dialect: Dialect, header: Header, folder: Path | None = None) -> Maker | None:
    """Return what makes the tables; None for a cassette whose policy its user must tell.

    Args:
        dialect: The rules by which the triples are derived.
        header: The header of the cassette.
        folder: Folder of temporary files; None takes the system's.
    """
    try:
        return IndexMaker(dialect, of_cassette(header, described=True), folder=folder)
    except RecorderError:
        return None
