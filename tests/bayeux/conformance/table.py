"""The rows as tables in `docs/bayeux.md`, between two marks."""

from __future__ import annotations

from pathlib import Path

from tests.bayeux.conformance import bodies, callback, channels, connect, extensions, handshake, unknown, websocket
from tests.bayeux.conformance.rows import Row

DOCUMENT = Path(__file__).parents[3] / "docs" / "bayeux.md"
SECTIONS = [
    module.SECTION for module in (handshake, connect, channels, unknown, bodies, extensions, callback, websocket)
]
_BEGIN = "<!-- written by `python -m tests.bayeux.conformance` from its rows -->\n"
_END = "<!-- end -->\n"
_HEAD = "| what is sent | stand-in | cometd-nodejs-server | faye |\n| --- | --- | --- | --- |\n"
_HEAD_JAVA = "| what is sent | stand-in | CometD Java |\n| --- | --- | --- |\n"
_SAME, _CANNOT = "=", "—"


def documented(text: str) -> str:
    """The text of the document with its tables as the rows say."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert begin, f"no mark: {_BEGIN}"
    assert end, f"no mark: {_END}"
    return f"{before}{begin}{tables()}{end}{after}"


def tables() -> str:
    """All tables: a section each, then where the stand-in does not follow CometD's Java server."""
    parts = [f"\n### {section.title}\n\n{_HEAD}{''.join(map(_line, section))}" for section in SECTIONS]
    other = "".join(
        f"| {section.title}: {_title(row)} | {_code(row.answers['standin'])} | {_code(row.java)} |\n"
        for section in SECTIONS
        for row in section
        if row.java is not None
    )
    return "".join(parts) + f"\n## Where the stand-in differs from CometD Java\n\n{_HEAD_JAVA}{other}\n"


def _line(row: Row) -> str:
    standin = row.answers["standin"]
    others = [_cell(row.answers.get(name), standin) for name in ("cometd", "faye")]
    return f"| {_title(row)} | {_code(standin)} | {' | '.join(others)} |\n"


def _cell(answer: str | None, standin: str) -> str:
    if answer is None:
        return _CANNOT
    return _SAME if answer == standin else _code(answer)


def _title(row: Row) -> str:
    return row.title.replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")  # a table ends a cell at a bar, even in code
