"""Archives of nine tools, made of one session, come back as the triples of that session; what is lost is told."""

from __future__ import annotations

import pytest

from recorder.model import Request
from tests.importers.corpus import CORPUS
from tests.importers.session import HOST, SESSION, captured, imported, links, recording


@pytest.mark.parametrize("tool", CORPUS)
def test_events_are_linked_as_in_the_session(tool: str) -> None:
    found = imported(CORPUS[tool].file())

    assert links(recording(found)) == links(captured())
    assert found.upstream == HOST


@pytest.mark.parametrize("tool", CORPUS)
def test_every_loss_is_named_and_nothing_else(tool: str) -> None:
    row = CORPUS[tool]

    found = imported(row.file())

    assert found.losses.left_out == row.left_out
    assert found.losses.guessed == row.guessed
    assert found.exchanges == len(SESSION) + row.more


@pytest.mark.parametrize("tool", CORPUS)
def test_what_the_client_sent_is_what_it_sent_in_the_session(tool: str) -> None:
    sent = {(r.method, r.target, r.body) for r in imported(CORPUS[tool].file()).parts if isinstance(r, Request)}

    assert {(found.method, found.path, found.body.encode()) for found in SESSION} <= sent


@pytest.mark.parametrize("tool", CORPUS)
def test_a_row_names_its_source(tool: str) -> None:
    assert CORPUS[tool].source.startswith("https://")
    assert CORPUS[tool].seen
