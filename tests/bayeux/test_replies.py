"""The words of CometD's Java server; most replies are tested with the sessions they belong to."""

from __future__ import annotations

from recorder.bayeux.replies import ordinary, refuse, reply, unknown


def test_a_reply_repeats_the_id_and_the_subscription_and_nothing_else() -> None:
    message = {"channel": "/meta/subscribe", "id": "7", "subscription": "/a", "clientId": "c", "data": 1}

    assert reply(message) == {"id": "7", "subscription": "/a", "channel": "/meta/subscribe", "successful": True}


def test_a_refusal_says_why() -> None:
    assert refuse({"channel": "/a"}, "403::no") == {"channel": "/a", "successful": False, "error": "403::no"}


def test_advice_is_not_shared_between_answers() -> None:
    first, second = (unknown({"channel": "/meta/connect"}) for _ in range(2))
    first["advice"]["reconnect"] = "none"

    assert second["advice"]["reconnect"] == "handshake"


def test_a_refused_subscription_changes_nothing() -> None:
    subscriptions = {"/a"}

    ordinary(subscriptions, {"channel": "/meta/subscribe", "subscription": ["/b", "/meta/connect"]})

    assert subscriptions == {"/a"}


def test_subscriptions_without_end_are_refused() -> None:
    subscriptions: set[str] = set()
    batches = [[f"/{batch}/{number}" for number in range(1000)] for batch in range(11)]

    told = [ordinary(subscriptions, {"channel": "/meta/subscribe", "subscription": batch}) for batch in batches]

    assert [reply["successful"] for reply in told] == [True] * 10 + [False]
    assert len(subscriptions) == 10_000
