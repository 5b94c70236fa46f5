"""Playheads in groups: who could it be?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.replay.engine.sessions.playhead import Playhead, kind
from recorder.replay.engine.sessions.registry import Owners, PlayheadGroups, SessionState, only, pool_of

TOKENS = ["authorization a", "authorization b", "JSESSIONID=1", "JSESSIONID=2", "BAYEUX_BROWSER=x"]


def playhead(
    name: str, *shown: str, client_id: str | None = None, opened: bool = False, left: bool = False
) -> Playhead:
    return Playhead(name, f"cookie of {name}", client_id, shown=set(shown), opened=opened, left=left)


def groups(*playheads: Playhead) -> PlayheadGroups:
    found = PlayheadGroups()
    for each in playheads:
        found.place(each)
    return found


def by_token(*playheads: Playhead) -> dict[str, Owners]:
    return {token: {p: None for p in playheads if token in p.shown} for token in TOKENS}


def test_each_stands_in_one_group() -> None:
    new, opened = playhead("new"), playhead("opened", opened=True)
    live, left = playhead("live", client_id="c"), playhead("left", client_id="d", left=True)
    everybody = groups(new, opened, live, left)

    pools = [everybody.pool(standing) for standing in SessionState]

    assert [list(pool.like([], {})) for pool in pools] == [[new], [opened], [live], [left]]
    assert [len(pool) for pool in pools] == [1, 1, 1, 1]


def test_who_changes_is_in_another_group_and_in_no_other() -> None:
    mine = playhead("p1")
    everybody = groups(mine)

    mine.client_id = "c1"
    everybody.place(mine)

    assert mine in everybody.pool(SessionState.LIVE)
    assert mine not in everybody.pool(SessionState.NEW)


def test_who_is_removed_is_nowhere_and_may_be_removed_again() -> None:
    mine = playhead("p1")
    everybody = groups(mine)

    everybody.remove(mine)
    everybody.remove(mine)

    assert len(everybody.pool(*SessionState)) == 0


def test_who_showed_another_authorization_is_somebody_else() -> None:
    a, b, silent = playhead("p1", "authorization a"), playhead("p2", "authorization b"), playhead("p3")
    pool = groups(a, b, silent).pool(SessionState.NEW)

    assert set(pool.like(["authorization a"], by_token(a, b))) == {a, silent}


def test_only_one_is_evidence() -> None:
    one, other = playhead("p1"), playhead("p2")

    assert only(iter([iter(()), iter((one, other)), iter((other,)), iter((one,))])) is other
    assert only(iter([iter((one, other))])) is None


def test_of_many_no_more_are_looked_at_than_it_takes() -> None:
    looked = iter([playhead("p1"), playhead("p2"), playhead("p3")])

    assert only([looked]) is None
    assert next(looked).name == "p3"


_PLAYHEADS = st.lists(
    st.tuples(st.sets(st.sampled_from(TOKENS)), st.sampled_from([None, "c"]), st.booleans(), st.booleans()), max_size=6
)


@given(
    _PLAYHEADS,
    st.sets(st.sampled_from(TOKENS)),
    st.sets(st.sampled_from(list(SessionState))),
    st.sets(st.integers(0, 5)),
)
def test_it_finds_whom_looking_at_each_would_find(
    drawn: list[tuple[set[str], str | None, bool, bool]],
    tokens: set[str],
    standings: set[SessionState],
    some: set[int],
) -> None:
    everybody = [
        playhead(f"p{n}", *shown, client_id=client_id, opened=opened, left=left and client_id is not None)
        for n, (shown, client_id, opened, left) in enumerate(drawn)
    ]
    index, ordered = by_token(*everybody), sorted(tokens)
    owners: Owners = {p: None for n, p in enumerate(everybody) if n in some}

    def stands(p: Playhead) -> SessionState:
        if p.left:
            return SessionState.LEFT
        if p.client_id is not None:
            return SessionState.LIVE
        return SessionState.OPENED if p.opened else SessionState.NEW

    def is_other(p: Playhead) -> bool:
        return any(t not in p.shown and any(kind(s) == kind(t) for s in p.shown) for t in ordered)

    expected = {p for p in everybody if stands(p) in standings and not is_other(p)}
    pools = [groups(*everybody).pool(*standings), pool_of(p for p in everybody if stands(p) in standings)]

    for pool in pools:
        assert set(pool.like(ordered, index)) == expected
        assert set(pool.of(owners, ordered, index)) == expected & set(owners)
