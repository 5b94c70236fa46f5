"""Say what makes the tables by which a replay finds triples in a sealed file."""

from __future__ import annotations

from ..dialect.definition import Dialect
from ..model import Header
from .deriving import Maker


def maker_of(_dialect: Dialect, _header: Header) -> Maker | None:
    """Return what makes the tables; None where nothing does."""
    return None
