"""A dialect says where push without Bayeux has its topics, which need no slash."""

from __future__ import annotations

from recorder.dialect.definition import Dialect, parse
from recorder.model import Event, Request

TEXT = """
name = "rooms"
session_cookies = []
open_for = 60.0
grace = 2.0
[push]
topic = ["{data.kind}.{data.room}", "data.kind"]
asks = ["body.do"]
[request]
methods = ["MESSAGE"]
operation = ["body.call"]
[request.keys]
room = ["path.room", "body.room"]
[ack]
status = []
success = []
[event]
channels = ["room.{room}"]
[event.ignore]
channel = ["pong"]
[event.keys]
room = ["channel.room"]
[tuple]
same = ["room"]
enough = [["room"]]
[operations.Join]
request = "MESSAGE join {room}"
events = ["room.1", "welcome"]
terminal = ["welcome"]
"""


def dialect() -> Dialect:
    return parse(TEXT, path="rooms.toml")


def message(topic: str, body: bytes = b"{}") -> Request:
    return Request(0, 0, 0, "", "MESSAGE", topic, (), body, 0)


def test_topics_are_found_at_paths() -> None:
    push = dialect().push

    assert push.topic({"kind": "room", "room": 7}) == "room.7"
    assert push.topic({"kind": "pong"}) == "pong"
    assert push.topic([1]) is None
    assert push.asked({"do": "join"}) == "join"
    assert push.asked("join") is None


def test_message_is_an_operation_by_its_topic() -> None:
    assert dialect().operation_of(message("join lobby")) == "Join"
    assert dialect().keys_of_request(message("join lobby")) == {"room": "lobby"}


def test_message_is_an_operation_by_its_body() -> None:
    assert dialect().operation_of(message("x", b'{"call":"Leave"}')) == "Leave"


def test_parts_of_topics_are_keys() -> None:
    event = Event(0, 0, 0, 0, "stream-0", "room.7", {})

    assert dialect().keys_of_event(event) == {"room": "7"}


def test_heartbeats_are_ignored_by_their_topic() -> None:
    assert dialect().is_ignored(Event(0, 0, 0, 0, "stream-0", "pong", {}))
    assert not dialect().is_ignored(Event(0, 0, 0, 0, "stream-0", "ping", {}))
