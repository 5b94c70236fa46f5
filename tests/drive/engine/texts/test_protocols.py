import pytest

from recorder.drive.engine.texts.protocols import is_subprotocol, listed, offered


@pytest.mark.parametrize(
    "name",
    ["graphql-transport-ws", "v12.stomp", "mqtt", "soap", "wamp.2.json", "ocpp1.6", "bearer", "v4.channel.k8s.io",
     "chat", "v10.stomp", "actioncable-v1-json"],
)  # fmt: skip
def test_names(name):
    assert is_subprotocol(name)


@pytest.mark.parametrize(
    "token",
    ["eyJhbGciOi.J9.abc", "s3cretPLANTED9", "4f1c77aa9e0b4d2c8a7766554433", "dXNlcjpwYXNz", "a" * 49, "", "tok=="],
)
def test_tokens(token):
    assert not is_subprotocol(token)


def test_those_of_the_user_are_offered_in_place_of_the_recorded():
    assert listed("a, b,,c ") == ("a", "b", "c")
    assert offered((("X", "y"),), ["a"]) == ("a",)
    assert offered((("sec-websocket-protocol", "bearer, new"),), ["a"]) == ("bearer", "new")
