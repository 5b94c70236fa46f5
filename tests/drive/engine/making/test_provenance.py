"""Which values may stand in two places by chance."""

from __future__ import annotations

import pytest

from recorder.drive.engine.making.provenance import Index, Told, is_special, tags_of


@pytest.mark.parametrize("text", ["1001", "h-17", "streaming", "r2d2", "58febca5", "Winter 2026", "10.0.0.1-a"])
def test_special_values(text):
    assert is_special(text)


@pytest.mark.parametrize(
    "text",
    ["17", "true", "Ready", "2026", "500", "2026-11-29", "2026-11-29T08", "1.0.2", "127.0.0.1", "utf-8", "HTTP/1.1"],
)
def test_common_values(text):
    assert not is_special(text)


def test_a_kind_has_no_tag_but_a_key_has():
    assert tags_of("Ready", "", "state") == ()
    assert tags_of("Ready", "state", "state") == ("=state", ".state")
    assert tags_of("17", "", "id", "order") == (".id", "#order")


def test_of_many_places_the_latest_eight_are_kept():
    index = Index()
    index.wants("1001", ("=handle",))
    for number in range(20):
        index.told("s1", "1001", ("=handle",), Told(number, ("member", "handle"), None))

    assert [one.told for one in index.sources("s1", "1001", ("=handle",))] == list(range(19, 11, -1))


def test_what_nobody_was_told_is_the_clients_own():
    index = Index()
    index.wants("1001", ("=handle",))
    index.sent("1001", ("=handle",))
    index.told("s1", "1001", ("=handle",), Told(0, ("member", "handle"), None))

    assert index.sources("s1", "1001", ("=handle",)) == ()
    assert "1001" not in index.wanted
