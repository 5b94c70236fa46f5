"""One row of the table of worst texts: what must stay linear in a text that somebody else chose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A text made to be slow, and what reads it.

    Attributes:
        part: The kind of reader: detector, redaction, filter, policy pattern, dialect, importer, correlation, ….
        name: The reader, and what is bad about the text.
        make: Returns a text of about so many bytes.
        act: Reads the text; what it returns is not looked at.
        unit: Bytes of what is repeated in the text; 0 if that is not known.

    """

    part: str
    name: str
    make: Callable[[int], bytes]
    act: Callable[[bytes], object]
    unit: int = 0
