"""Answers and events of one operation carry the ids of its client."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.dialect.paths import as_key
from recorder.replay.engine.rewriting.rewriter import Rewriter, bare_values, bound, keys_of_names
from recorder.replay.engine.rewriting.templates import encode, template
from recorder.requests.bindings import HIDDEN, LONG, Bindings, first_run
from recorder.requests.request import MintedId
from tests.replay.engine.rewriting.test_templates import VALUES, WORDS

GWS = load()
BARE = partial(bare_values, GWS, keys_of_names(GWS))
IDS = st.sampled_from([word for word in WORDS if as_key(word) is not None])
LIVE = st.one_of(IDS, st.sampled_from([None, "", True, 9, 1.5, "live", '"', "0123456789"]))


def minted(key: str, value: Any, number: int = 0) -> MintedId:
    bare = GWS.bare(key, str(value))
    return MintedId(number, key, bare, value, first_run(bare) if len(bare) >= LONG else None)


@st.composite
def rewriters(draw: st.DrawFn) -> tuple[Rewriter, tuple[MintedId, ...]]:
    """The ids of an operation, and a client that minted others; now and then it has also bound other things."""
    keys = draw(st.lists(st.sampled_from(["reference", "inner_reference"]), max_size=3))
    ids = tuple(minted(key, draw(IDS), number) for number, key in enumerate(keys))
    session = Bindings()
    for recorded in draw(st.lists(st.sampled_from([str(word) for word in WORDS]), max_size=2)):
        live = draw(st.sampled_from([recorded, recorded, recorded, "live", 9]))
        session.bind(draw(st.sampled_from(["device", HIDDEN])), recorded, live)
    return Rewriter(GWS, session, minted=ids, fresh=[draw(LIVE) for _ in ids]), ids


USUAL = st.dictionaries(st.sampled_from(["referenceId", "deviceId", "note"]), IDS, min_size=1)


@given(st.one_of(VALUES, USUAL), rewriters())
def test_a_template_that_is_filled_in_is_what_rewriting_gives(
    value: Any, drawn: tuple[Rewriter, tuple[MintedId, ...]]
) -> None:
    rewriter, ids = drawn

    made = [template(value, BARE, ("<", ">"), known) for known in (ids, None)]  # knowing the ids decides nothing

    assert [rewriter.encoded(one, value) for one in made] == [f"<{encode(rewriter.value(value))}>"] * 2


def test_an_id_that_a_client_kept_under_one_key_and_changed_under_another_is_the_changed_one() -> None:
    ids = tuple(minted(key, "reference-0001", place) for place, key in enumerate(("reference", "inner_reference")))
    rewriter = Rewriter(GWS, Bindings(), minted=ids, fresh=["reference-0001", "r1"])
    value = {"referenceId": "reference-0001"}

    assert rewriter.encoded(template(value, BARE, ("", ""), ids), value) == encode(rewriter.value(value))


def test_an_id_that_a_client_kept_stays_though_its_text_stands_for_another_value() -> None:
    session = Bindings()
    session.bind(HIDDEN, "+15550100001", "live")
    ids = (minted("reference", "+15550100001"),)
    rewriter = Rewriter(GWS, session, minted=ids, fresh=["+15550100001"])
    value = {"referenceId": "+15550100001"}

    assert rewriter.value(value) == value
    assert rewriter.encoded(template(value, BARE, ("", ""), ids), value) == encode(value)


def test_what_is_bound_for_the_session_later_counts_from_then_on() -> None:
    session = Bindings()
    rewriter = Rewriter(GWS, session, minted=[minted("reference", "r1")], fresh=["r2"])

    session.bind("device", "other-device", "live-device")

    assert rewriter.value({"deviceId": "other-device", "referenceId": "r1"}) == {
        "deviceId": "live-device",
        "referenceId": "r2",
    }


def test_nothing_is_bound_where_a_client_sends_what_was_recorded() -> None:
    assert bound(GWS, (minted("reference", "r1"),), ["r1"]) is None
