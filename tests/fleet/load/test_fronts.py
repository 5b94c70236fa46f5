"""The tests of the other front, played on gevent: both do the same with the same servers, and find the same."""

import pytest

from recorder.fleet.load.wire import Unsent
from tests.drive.front import test_bayeux, test_streams, test_wire

from .world import fetched_on_gevent, played_on_gevent

_OTHERS = {  # they are about aiohttp, or use its wire themselves
    "test_a_long_answer_that_is_no_stream_is_kept_in_part",
    "test_a_reason_has_no_url_and_is_short",
    "test_a_request_that_is_given_up_is_a_failure",
    "test_a_websocket_follows_no_redirect",
    "test_a_websocket_is_recorded_from_begin_to_end",
    "test_an_answer_that_breaks_off_is_a_failure",
    "test_no_connection_is_given_out_to_another_server",
    "test_no_request_is_sent_again_when_the_server_closes_the_connection",
}

# Each test function of the other front is collected here once more, with its parameters.
for module in (test_bayeux, test_streams, test_wire):
    tests = {name: found for name, found in vars(module).items() if name.startswith("test_")}
    globals().update({name: found for name, found in tests.items() if name not in _OTHERS})


@pytest.fixture(autouse=True)
def _on_gevent(monkeypatch):
    for module in (test_bayeux, test_streams):
        monkeypatch.setattr(module, "played", played_on_gevent)
    monkeypatch.setattr(test_wire, "fetched", fetched_on_gevent)
    monkeypatch.setattr(test_wire, "NotSent", Unsent)
