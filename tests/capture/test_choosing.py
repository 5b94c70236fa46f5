"""The dialect of a capture is chosen once, by its first records."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.capture.choosing import Choosing, told
from recorder.dialect.definition import DEFAULT
from recorder.dialect.fitting import Fit
from recorder.model import Note
from tests.dialect.test_fitting import ALL, ANSWER, CANCEL, DESK, HANDSHAKE, LOGIN, ORDER, PLACED, SHOP


def test_a_dialect_that_is_given_is_not_chosen() -> None:
    choosing = Choosing(DESK, ALL)

    assert choosing.is_made
    assert [choosing.feed(one) for one in [ORDER] * 10] == [None] * 10
    assert choosing.of_all([ORDER]) is choosing.end() is None
    assert choosing.dialect is DESK


def test_the_first_choice_stands() -> None:
    choosing = Choosing(candidates=ALL)
    made = [found.dialect for one in [ORDER, PLACED, CANCEL, ORDER, *[ANSWER] * 99] if (found := choosing.feed(one))]

    assert made == [SHOP]
    assert choosing.dialect is SHOP
    assert choosing.end() is None


def test_the_end_decides_by_what_there_is() -> None:
    choosing = Choosing(candidates=ALL)

    assert [choosing.feed(one) for one in [LOGIN, HANDSHAKE, ORDER]] == [None] * 3
    assert not choosing.is_made
    assert choosing.end() == Fit(SHOP, 2, 1, 0, 0)
    assert choosing.is_made


def test_all_records_decide_where_all_are_known() -> None:
    choosing = Choosing(candidates=ALL)

    assert choosing.of_all([*[ORDER] * 4, *[ANSWER] * 5]) == Fit(DESK, 9, 5, 0, 0)


def test_the_default_stays_where_nothing_fits() -> None:
    choosing = Choosing(candidates=ALL)
    choosing.feed(LOGIN)

    assert choosing.end() == Fit(None, 1, 0, 0, 0)
    assert choosing.dialect.name == DEFAULT


def test_nothing_is_chosen_without_traffic() -> None:
    choosing = Choosing(candidates=ALL)
    choosing.feed(HANDSHAKE)
    choosing.feed(Note(0, 0, "gap", "the upstream cannot be reached"))

    assert choosing.end() is None


@pytest.mark.parametrize(
    ("fit", "line"),
    [
        (Fit(SHOP, 12, 9, 0, 0), "dialect: shop (of 12 requests 9 are operations of it)"),
        (
            Fit(None, 3, 0, 1, 0),
            "dialect: no shipped dialect fits (3 requests, 1 event); recorder dialect suggest 'my s' writes one",
        ),
    ],
)
def test_a_user_is_told_the_choice(fit: Fit, line: str) -> None:
    assert told(fit, Path("my s")) == line
