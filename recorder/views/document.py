"""Write the HTML of a report page: one file, with its script, its style and all data."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from ..printable import printable
from .pages.blocks import Blocks, packed


class Document(NamedTuple):
    """The data of a page: rows (`docs/report.md` describes their shape), and the blocks of each recording."""

    rows: dict[str, Any]
    blocks: tuple[Blocks, ...] = ()


def page(document: Document, note: str = "") -> str:
    """Return the HTML of a report page; see `pieces`."""
    return "".join(pieces(document, note))


def pieces(document: Document, note: str = "") -> Iterator[str]:
    """Yield the HTML of a report page.

    Args:
        document: The document, as `report.document` or `report.comparison` builds it.
        note: What stands beside the title, e.g. that the page does not show all; "" for nothing.
    """
    script, style = _built("page.js"), _built("page.css")
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:"
    filled = {
        "policy": escape(f"{policy}; base-uri 'none'; form-action 'none'", quote=False),
        "title": escape(printable(document.rows["title"])),
        "note": f'<p id="note" class="facts">{escape(printable(note))}</p>' if note else "",
        "style": style,
        "data": _embedded(packed(text_of(document.rows))),
        "script": script,
    }
    first, *rest = _built("template.html").split("{{")
    yield first
    for name, _, text in (piece.partition("}}") for piece in rest):
        if name == "blocks":
            yield from _blocks(document.blocks)
        else:
            yield filled[name]
        yield text


def text_of(rows: dict[str, Any]) -> str:
    """Return the rows of a document as JSON."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def _blocks(recordings: Iterable[Blocks]) -> Iterator[str]:
    for number, blocks in enumerate(recordings):
        for place, block in enumerate(blocks.all()):
            yield f'<script type="application/octet-stream" id="block-{number}-{place}">{_embedded(block)}</script>\n'


def _embedded(content: bytes) -> str:
    """Return bytes as text in which nothing can be markup."""
    return base64.b64encode(content).decode()


def _built(name: str) -> str:
    return files(__package__).joinpath("page", "built", name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
