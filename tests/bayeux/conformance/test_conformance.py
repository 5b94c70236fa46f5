"""Each row is a test against the stand-in, and against the two real servers where they can do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.bayeux.conformance.bench import Peer, asked, serving
from tests.bayeux.conformance.rows import SERVERS, Row
from tests.bayeux.conformance.table import DOCUMENT, SECTIONS, documented

# neither server is in Python
REAL = (pytest.mark.node, pytest.mark.once)
CASES = [
    pytest.param(name, row, id=f"{name}-{section.title}-{row.title}", marks=REAL if name != "standin" else ())
    for name in SERVERS
    for section in SECTIONS
    for row in section
    if name in row.answers
]


@pytest.fixture(scope="module")
def peer_of() -> Iterator[Callable[[str], Peer]]:
    """The servers, each started when it is first asked for."""
    running: dict[str, Peer] = {}
    with ExitStack() as stack:

        def peer(name: str) -> Peer:
            if name not in running:
                running[name] = stack.enter_context(serving(name))
            return running[name]

        yield peer


@pytest.mark.parametrize(("name", "row"), CASES)
def test_a_server_answers_what_its_row_says(peer_of: Callable[[str], Peer], name: str, row: Row) -> None:
    assert asked(peer_of(name), row.script) == row.answers[name]


def test_the_tables_in_the_document_are_what_the_rows_say() -> None:
    text = DOCUMENT.read_text()

    assert text == documented(text), "run `make conformance`"


def test_no_two_rows_of_a_section_have_one_title() -> None:
    titles = [(section.title, row.title) for section in SECTIONS for row in section]

    assert len(titles) == len(set(titles))
