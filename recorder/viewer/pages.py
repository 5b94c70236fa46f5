"""Build the HTML of the viewer's pages; a page asks for its data later."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import NamedTuple

from ..printable import printable
from . import answers
from .answers import Answer, Request

_DATA = re.compile(r'<script type="[^"]*" id="data">[^<]*</script>\n?')  # of a report
_CSS = "text/css; charset=utf-8"
_SCRIPTS = {"view.js": "text/javascript; charset=utf-8", "page.css": _CSS, "view.css": _CSS}


class Kind(NamedTuple):
    """A kind of page: its name, which the script reads, and the segments of its path behind the token."""

    name: str
    depth: int


def page(request: Request, kind: Kind, title: str) -> Answer:
    """Return the HTML of a page.

    Args:
        request: The request.
        kind: `list`, `cassette`, `diff` or `live`. Scripts are named from its place, so that the page holds no token.
        title: Title of the page.
    """
    up = "../" * kind.depth
    filled = {
        "policy": escape(answers.POLICY, quote=False),
        "title": escape(printable(title)),
        "note": "",
        "style": "",
        "data": "",
        "script": "",
    }
    first, *rest = _built("template.html").split("{{")
    pieces = (piece.partition("}}") for piece in rest)
    html = first + "".join(filled.get(name, "") + text for name, _, text in pieces)
    styles = "".join(f'<link rel="stylesheet" href="{up}{name}">' for name in ("page.css", "view.css"))
    html = html.replace("<style></style>", f'<link rel="icon" href="data:,">{styles}')
    html = html.replace("<script></script>", f'<script src="{up}view.js"></script>')
    html = _DATA.sub("", html)
    html = html.replace("<body>", f'<body data-kind="{kind.name}">')
    return answers.content(html.encode("utf-8", "replace"), answers.HTML, request)


def asset(request: Request, name: str) -> Answer:
    """Return the script or the style of the pages."""
    return answers.content(_built(name).encode(), _SCRIPTS[name], request)


@cache
def _built(name: str) -> str:
    return files("recorder.views").joinpath("page", "built", name).read_text("utf-8")
