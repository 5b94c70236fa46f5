"""What a server answers to clients that ask for acknowledgement or the time, as CometD's extensions do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.extensions import batch_of, timesync, wants_acknowledgement

NAMES = st.sampled_from(["ack", "timesync", "tc", "l", "o"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ack", "timesync", "tc", "l", "o"]), inner)
    ),
    max_leaves=8,
)


def asked(**sync: Any) -> dict[str, Any]:
    return {"channel": "/meta/connect", "ext": {"timesync": sync}}


def test_a_client_learns_the_time_of_the_server() -> None:
    told = timesync(asked(tc=500, l=0, o=0), received=10.0, sent=10.25)

    assert told == {"timesync": {"tc": 500, "ts": 10_000, "p": 250, "a": 500 - 10_000}}


def test_an_old_client_that_tells_nothing_of_itself_is_not_told_how_accurate_it_is() -> None:
    told = timesync(asked(tc=500), received=10.0, sent=10.0)

    assert told == {"timesync": {"tc": 500, "ts": 10_000, "p": 0}}


def test_a_client_that_knows_the_time_well_enough_is_told_nothing() -> None:
    assert timesync(asked(tc=500, l=10, o=9_500), received=10.0, sent=10.0) == {}


@pytest.mark.parametrize("offset", [9_525, 9_455])
def test_a_client_that_is_wrong_is_corrected(offset: int) -> None:
    told = timesync(asked(tc=500, l=10, o=offset), received=10.0, sent=10.0)

    assert told["timesync"]["a"] == 510 + offset - 10_000


@pytest.mark.parametrize("ext", [None, 7, [], {}, {"timesync": None}, {"timesync": []}, {"timesync": {"tc": "1"}}])
def test_who_does_not_ask_for_the_time_is_not_told(ext: Any) -> None:
    assert timesync({"channel": "/meta/connect", "ext": ext}, received=1.0, sent=1.0) == {}


@pytest.mark.parametrize(
    ("extension", "batch"),
    [({"ack": 3}, 3), ({"ack": -1}, -1), ({"ack": True}, None), ({"ack": "3"}, None), ({}, None), (None, None)],
)
def test_the_batch_is_a_number_in_the_extension(extension: Any, batch: int | None) -> None:
    assert batch_of({"channel": "/meta/connect", "ext": extension}) == batch


@given(JSON)
def test_any_extension_field_is_read_without_an_error(ext: Any) -> None:
    message = {"channel": "/meta/connect", "ext": ext}

    assert isinstance(wants_acknowledgement(message), bool)
    assert batch_of(message) is None or isinstance(batch_of(message), int)
    assert set(timesync(message, received=1e9, sent=1e9)) <= {"timesync"}
