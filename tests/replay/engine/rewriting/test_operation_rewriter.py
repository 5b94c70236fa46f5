"""What is filled in is what rewriting would give; where it would not be, it is rewritten."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.dialect.paths import as_key
from recorder.replay.engine.matching.bindings import HIDDEN, LONG, Bindings, first_run
from recorder.replay.engine.matching.request import MintedId, RecordedRequest, SessionIds
from recorder.replay.engine.rewriting.rewriter import OperationRewriter, bare_values, bound, keys_of_names
from recorder.replay.engine.rewriting.templates import stencil, template
from tests.replay.engine.rewriting.test_templates import VALUES, WORDS
from tests.wire import DEVICE, done

GWS = load()
BARE = partial(bare_values, GWS, keys_of_names(GWS))
IDS = st.sampled_from([word for word in WORDS if as_key(word) is not None])
LIVE = st.one_of(IDS, st.sampled_from([None, "", True, 9, 1.5, "live", '"', "0123456789"]))


def minted(key: str, value: Any, number: int = 0) -> MintedId:
    bare = GWS.bare(key, str(value))
    return MintedId(number, key, bare, value, first_run(bare) if len(bare) >= LONG else None)


def entry(*ids: MintedId) -> RecordedRequest:
    return RecordedRequest(0, 1, "s1", "GetChainedRecord", b"", (), SessionIds(()), ids)


@st.composite
def wordings(draw: st.DrawFn) -> tuple[tuple[MintedId, ...], OperationRewriter]:
    """The ids of an operation, and a client that minted others; now and then it has also bound other things."""
    keys = draw(st.lists(st.sampled_from(["reference", "inner_reference"]), max_size=3))
    ids = tuple(minted(key, draw(IDS), number) for number, key in enumerate(keys))
    session = Bindings()
    for recorded in draw(st.lists(st.sampled_from([str(word) for word in WORDS]), max_size=2)):
        live = draw(st.sampled_from([recorded, recorded, recorded, "live", 9]))
        session.bind(draw(st.sampled_from(["device", HIDDEN])), recorded, live)
    origins = draw(st.sampled_from([{}, {"http://gws": "http://localhost:1"}]))
    return ids, OperationRewriter(GWS, session, origins, entry(*ids), [draw(LIVE) for _ in ids])


USUAL = st.dictionaries(st.sampled_from(["referenceId", "deviceId", "note"]), IDS, min_size=1)


@given(st.one_of(VALUES, USUAL), wordings())
def test_what_is_filled_in_is_what_rewriting_gives(
    value: Any, drawn: tuple[tuple[MintedId, ...], OperationRewriter]
) -> None:
    ids, rewriting = drawn
    made = template(value, BARE, ("<", ">"))

    found = stencil(made, ids)

    if found is not None and rewriting.texts is not None:
        assert found.filled(rewriting.texts) in (None, rewriting.rewriter.encoded(made, value))


@pytest.mark.parametrize("live", ["r2", 2, "r1"])
def test_an_id_in_the_usual_place_is_filled_in(live: Any) -> None:
    ids = (minted("reference", "r1"),)
    made = template(done(7, "r1"), BARE)
    found, rewriting = stencil(made, ids), OperationRewriter(GWS, Bindings(), {}, entry(*ids), [live])

    assert found is not None
    assert rewriting.texts is not None
    assert len(found.pieces) == 2
    assert found.filled(rewriting.texts) == rewriting.rewriter.encoded(made, done(7, "r1"))


@pytest.mark.parametrize(
    ("key", "value", "event"),
    [
        ("reference", "reference-0001", {"note": "see reference-0001"}),
        ("reference", "r1", {"uri": "http://gws/r1"}),
        ("reference", "7", {"referenceId": 7}),
        ("device", DEVICE, {"deviceId": f"/devices/{DEVICE}"}),
    ],
)
def test_no_stencil_is_made_where_more_is_to_be_done(key: str, value: Any, event: Any) -> None:
    assert stencil(template(event, BARE), (minted(key, value),)) is None


def test_nor_where_the_recorded_client_sent_an_id_twice() -> None:
    ids = (minted("reference", "r1", 0), minted("reference", "r1", 1))

    assert stencil(template(done(7, "r1"), BARE), ids) is None


@pytest.mark.parametrize("live", [None, "", True, ["r2"]])
def test_nothing_is_filled_in_for_a_client_that_sent_no_id(live: Any) -> None:
    ids = (minted("reference", "r1"),)
    found, texts = (
        stencil(template(done(7, "r1"), BARE), ids),
        OperationRewriter(GWS, Bindings(), {}, entry(*ids), [live]).texts,
    )

    assert found is not None
    assert texts is not None
    assert found.filled(texts) is None


def test_what_is_bound_for_the_session_later_counts_from_then_on() -> None:
    session = Bindings()
    rewriting = OperationRewriter(GWS, session, {}, entry(minted("reference", "r1")), ["r2"])

    session.bind("device", DEVICE, DEVICE)
    assert rewriting.texts == ['"r2"']

    session.bind("device", "other-device", "live-device")
    assert rewriting.texts is None
    assert rewriting.rewriter.value({"deviceId": "other-device", "referenceId": "r1"}) == {
        "deviceId": "live-device",
        "referenceId": "r2",
    }


def test_nothing_is_bound_where_a_client_sends_what_was_recorded() -> None:
    assert bound(GWS, (minted("reference", "r1"),), ["r1"]) is None
