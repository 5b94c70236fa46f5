"""One HTML file that holds its data, its style and its script, and may load and run nothing else.

The page is built from `page/src` by esbuild (`npm run build` in `page/`); what it built is in `page/built`.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import Any

from ..printable import printable
from .packing import pack

# In JSON these stand in strings only, where they can be written so. No HTML can begin without the first of them; the
# last two were line ends in scripts.
_INERT = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029", "\x7f": "\\u007f"}
)


def page(document: dict[str, Any]) -> str:
    """The file of a document (`report.document`)."""
    script, style = _built("page.js"), _built("page.css")
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:"
    filled = {
        "policy": escape(f"{policy}; base-uri 'none'; form-action 'none'", quote=False),
        "title": escape(printable(document["title"])),
        "style": style,
        "data": pack(document).translate(_INERT),
        "script": script,
    }
    first, *rest = _built("template.html").split("{{")
    pieces = (piece.partition("}}") for piece in rest)
    return first + "".join(filled[name] + text for name, _, text in pieces)


def _built(name: str) -> str:
    return files(__package__).joinpath("page", "built", name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
