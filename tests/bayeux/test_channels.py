from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.channels import is_meta, matches

SEGMENTS = st.lists(st.text("abc*", min_size=1, max_size=3), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("pattern", "channel"),
    [
        ("/v2/me/outbound", "/v2/me/outbound"),
        ("/v2/me/*", "/v2/me/outbound"),
        ("/v2/me/**", "/v2/me/outbound"),
        ("/v2/**", "/v2/me/outbound"),
        ("/*", "/me"),
        ("/**", "/me"),
        ("/**", "/me/internal"),
    ],
)
def test_a_pattern_covers(pattern: str, channel: str) -> None:
    assert matches(pattern, channel)


@pytest.mark.parametrize(
    ("pattern", "channel"),
    [
        ("/v2/me/outbound", "/v2/me/outbound/7"),
        ("/v2/me/outbound", "/v2/me"),
        ("/v2/me/*", "/v2/me"),
        ("/v2/me/*", "/v2/me/"),
        ("/v2/me/*", "/v2/me/outbound/7"),
        ("/v2/me/*", "/v2/men/outbound"),
        ("/v2/me/*", "/me/internal"),
        ("/v2/me/**", "/v2/me"),
        ("/v2/me/**", "/v2/me/"),
        ("/v2/me/**", "/v2/men/outbound"),
        ("/*", "/me/internal"),
        ("/v2/m*", "/v2/me"),
        ("/*/me", "/v2/me"),
    ],
)
def test_a_pattern_does_not_cover(pattern: str, channel: str) -> None:
    assert not matches(pattern, channel)


@given(SEGMENTS)
def test_two_stars_cover_everything_under_every_parent(segments: list[str]) -> None:
    channel = "/" + "/".join(segments)
    parents = ["/" + "/".join([*segments[:depth], "**"]) for depth in range(len(segments))]

    assert all(matches(parent, channel) for parent in parents)


@given(SEGMENTS)
def test_one_star_covers_under_the_direct_parent_alone(segments: list[str]) -> None:
    channel = "/" + "/".join(segments)
    parents = ["/" + "/".join([*segments[:depth], "*"]) for depth in range(len(segments))]

    assert [matches(parent, channel) for parent in parents] == [*[False] * (len(segments) - 1), True]


@pytest.mark.parametrize("channel", ["/meta/connect", "/meta/anything"])
def test_meta_channels_are_told_by_their_first_segment(channel: str) -> None:
    assert is_meta(channel)


@pytest.mark.parametrize("channel", ["/metadata/connect", "/v2/meta/connect", "/meta", "/me/internal"])
def test_other_channels_are_no_meta_channels(channel: str) -> None:
    assert not is_meta(channel)
