"""The judge finds nothing wrong with what real servers did, and finds each thing that no server may do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from recorder.cassette.reader import read
from tests.explore.model.asked import against
from tests.explore.model.asked import read as wish_of
from tests.explore.model.desktop import Manners, World, play, sessions_of
from tests.explore.model.facts import Facts, facts_of, fits
from tests.explore.model.law import violations
from tests.explore.model.moments import Answers, Asks, Breaks, Hears, Message, Moment, Says, is_event, of_records
from tests.explore.model.trials import RECORDINGS, ROOT, recorded
from tests.wire import Wire, chained, done, twin

DESK = next(path for path in RECORDINGS if path.stem == "desk")
ONE_SESSION = [path for path in RECORDINGS if len(recorded(path)[0].session_starts) == 1]
pytestmark = pytest.mark.once


@pytest.mark.parametrize("path", ONE_SESSION, ids=lambda path: path.stem)
def test_what_real_servers_sent_keeps_the_rules(path) -> None:
    recording, _, facts = recorded(path)
    (session,) = recording.session_starts

    assert violations(facts, of_records(read(path).records), sessions={"": session}) == []


@cache
def played(waits: str = "all", confirms: bool = False) -> World:
    """A run in the recorded order."""
    recording, dialect, facts = recorded(DESK)
    return play(recording, dialect, Manners(waits, confirms=confirms), facts=facts)


def judged(moments: list[Moment], world: World | None = None, **options) -> list[str]:
    world = world or played()
    return violations(world.facts, moments, sessions=dict(sessions_of(world)), **options)


@pytest.mark.parametrize("waits", ["all", "answers", "nothing"])
@pytest.mark.parametrize("confirms", [False, True])
def test_a_run_in_the_recorded_order_keeps_the_rules(waits: str, confirms: bool) -> None:
    recording, _, _ = recorded(DESK)
    world = played(waits, confirms)

    assert (world.misses, judged(world.moments, world)) == ([], [])
    assert sum(is_event(m) for one in world.moments if isinstance(one, Hears) for m in one.messages) == 21
    assert sum(isinstance(one, Answers) for one in world.moments) == len(recording.triples) + len(recording.plain)


# What nobody may do: each takes a run that keeps the rules, and breaks one of them


def events_at(moments: list[Moment], least: int = 1) -> int:
    """The place of the first answer with so many events and a reply."""
    return next(
        place for place, one in enumerate(moments)
        if isinstance(one, Hears) and sum(map(is_event, one.messages)) >= least and not is_event(one.messages[-1])
    )  # fmt: skip


def with_messages(moments: list[Moment], place: int, change: Callable[[list[Message]], list[Message]]) -> list[Moment]:
    heard = moments[place]
    return [*moments[:place], replace(heard, messages=tuple(change(list(heard.messages)))), *moments[place + 1 :]]


def changed(moments: list[Moment], change: Callable[[Message], Message]) -> list[Moment]:
    """A run with each Bayeux message changed."""
    return [
        replace(one, messages=tuple(map(change, one.messages))) if isinstance(one, Says | Hears) else one
        for one in moments
    ]


def reversed_on_a_channel(moments: list[Moment]) -> list[Moment]:
    line = next(names for line, names in played().facts.lines.items() if line.startswith("event "))
    first, second = (played().facts.named(name) for name in line[:2])
    swap = {str(first.data): second.data, str(second.data): first.data}
    return changed(moments, lambda m: m | ({"data": swap[str(m["data"])]} if str(m.get("data")) in swap else {}))


def dropped(moments: list[Moment]) -> list[Moment]:
    return with_messages(moments, events_at(moments), lambda messages: messages[1:])


def doubled(moments: list[Moment]) -> list[Moment]:
    return with_messages(moments, events_at(moments), lambda messages: [messages[0], *messages])


def before_its_request(moments: list[Moment]) -> list[Moment]:
    fact = next(one for one in played().facts.events if one.cause.kind == "request")
    asks = next(
        place for place, one in enumerate(moments)
        if isinstance(one, Asks) and one.body == played().facts.requests[fact.cause.place].request.body
    )  # fmt: skip
    place = next(
        n for n, one in enumerate(moments) if n > asks and isinstance(one, Hears) and any(map(is_event, one.messages))
    )
    return [*moments[:asks], moments[place], *moments[asks:place], *moments[place + 1 :]]


def behind_a_reply(moments: list[Moment]) -> list[Moment]:
    return with_messages(moments, events_at(moments), lambda messages: [messages[-1], *messages[:-1]])


def to_a_handshake(moments: list[Moment]) -> list[Moment]:
    place = events_at(moments)
    taken = with_messages(moments, place, lambda messages: messages[1:])
    shaken = next(n for n, one in enumerate(taken) if isinstance(one, Hears))
    return with_messages(taken, shaken, lambda messages: [*messages, moments[place].messages[0]])


def lost_session(moments: list[Moment]) -> list[Moment]:
    place = events_at(moments)
    refused = {"successful": False, "error": "402::session_unknown"}
    return with_messages(moments, place, lambda messages: [*messages[:-1], messages[-1] | refused])


def not_subscribed(moments: list[Moment]) -> list[Moment]:
    return changed(moments, lambda m: m | ({"subscription": "/elsewhere"} if "subscription" in m else {}))


def other_ack(moments: list[Moment]) -> list[Moment]:
    return [replace(one, status=500) if isinstance(one, Answers) else one for one in moments]


def two_acks(moments: list[Moment]) -> list[Moment]:
    place = next(n for n, one in enumerate(moments) if isinstance(one, Answers))
    return [*moments[: place + 1], moments[place], *moments[place + 1 :]]


def no_ack(moments: list[Moment]) -> list[Moment]:
    place = next(n for n, one in enumerate(moments) if isinstance(one, Answers))
    return [*moments[:place], *moments[place + 1 :]]


def answered_before_it_was_sent(moments: list[Moment]) -> list[Moment]:
    """The answer to a request that is no operation stands before it."""
    facts = played().facts
    fact = next(one for one in facts.answers if one.name.startswith("answer "))
    request = facts.requests[fact.cause.place].request
    asks = next(
        n for n, one in enumerate(moments)
        if isinstance(one, Asks) and (one.method, one.target) == (request.method, request.target)
    )  # fmt: skip
    place = next(n for n, one in enumerate(moments) if isinstance(one, Answers) and one.number == moments[asks].number)
    return [*moments[:asks], moments[place], *moments[asks:place], *moments[place + 1 :]]


def broken(moments: list[Moment]) -> list[Moment]:
    place = events_at(moments)
    return [*moments[:place], Breaks("desk1", moments[place].number, 0.0), *moments[place:]]


def after_leaving(moments: list[Moment]) -> list[Moment]:
    left: Message = {"channel": "/meta/disconnect", "successful": True}
    place = events_at(moments)
    return [*moments[:place], Hears("desk1", -1, 0.0, (left,)), *moments[place:]]


def made_up(moments: list[Moment]) -> list[Moment]:
    strange: Message = {"channel": "/v2/me/strange", "data": {"a": 1}}
    return with_messages(moments, events_at(moments), lambda messages: [strange, *messages])


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (reversed_on_a_channel, "stands before it in the line"),
        (dropped, "never came"),
        (doubled, "came twice"),
        (before_its_request, "came before the request of"),
        (behind_a_reply, "stands behind a reply"),
        (to_a_handshake, "with the reply to a handshake"),
        (lost_session, "nobody asked for that"),
        (lost_session, "does not know the session"),
        (not_subscribed, "has not subscribed to"),
        (other_ack, "is 500, recorded 200"),
        (two_acks, "a second answer"),
        (no_ack, "got no answer"),
        (answered_before_it_was_sent, "which nobody sent"),
        (broken, "nobody asked for that"),
        (after_leaving, "after the disconnect"),
        (made_up, "was not recorded"),
    ],
)
def test_what_no_server_may_do_is_found(breaks: Callable[[list[Moment]], list[Moment]], said: str) -> None:
    found = judged(breaks(list(played().moments)))

    assert [one for one in found if said in one] != [], found


@pytest.mark.parametrize("confirms", [False, True])
def test_an_event_in_a_reply_is_found_with_acknowledgements_only(confirms: bool) -> None:
    world = played("all", confirms)
    moments = list(world.moments)
    place = events_at(moments)
    asked = {one.number: n for n, one in enumerate(moments) if isinstance(one, Says)}
    says = asked[moments[place].number]
    message = {"channel": "/meta/subscribe", "subscription": "/other", "id": "1"}
    moments[says] = replace(moments[says], messages=(message,))
    moments = with_messages(moments, place, lambda messages: [*messages[:-1], message | {"successful": True}])

    found = [one for one in judged(moments, world) if "by polls alone" in one]

    assert bool(found) is confirms


def test_a_batch_comes_again_as_a_whole_and_in_order() -> None:
    world = played("all", confirms=True)
    moments = list(world.moments)
    place = next(n for n, one in enumerate(moments) if isinstance(one, Hears) and sum(map(is_event, one.messages)) > 1)
    batch = [message for message in moments[place].messages if is_event(message)]
    after = next(
        n for n, one in enumerate(moments)
        if n > place and isinstance(one, Hears) and one.messages[-1]["channel"] == "/meta/connect"
    )  # fmt: skip

    def again(events: list[Message], *disturb: str) -> list[str]:
        changed = with_messages(moments, after, lambda messages: [*events, *messages])
        return judged(changed, world, disturb=disturb)

    assert again(batch, "duplicate") == []
    assert again(batch) != []
    assert again(batch[1:], "duplicate") != []
    assert again(batch[::-1], "duplicate") != []


# What a schedule may ask for


def small() -> Facts:
    wire = Wire()
    desk = wire.desk()
    wire.respond(wire.request("GET", "/calls", b""), [])
    for handle, reference in ((7, "r1"), (8, "r2")):
        post = desk.post(chained(handle, reference))
        desk.hears(done(handle, reference), twin("ChainedRecordsDataEnd", handle))
        desk.hears(done(handle, reference, again=1))
        wire.ack(post)
    recording = wire.recording()
    from recorder.dialect.definition import load

    return facts_of(recording, load())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("event 1.1 before ack 1", ""),
        ("event 1.2 before event 1.1", ""),  # another channel
        ("event 2.1 before event 1.3", ""),
        ("event 1.3 with event 1.1", ""),
        ("event 1.3 apart from event 1.1", ""),
        ("event 1.1 in a reply", ""),
        ("ack 1 1s late", ""),
        ("event 1.1 before answer p1", ""),
        ("answer p1 before ack 2", ""),
        ("answer p1 1s late", ""),
        ("answer p1 2s late", "longer than 1.0 s"),
        ("event 1.1 with answer p1", "no answer comes with"),
        ("ack 1 in a reply", "no answer comes in a reply"),
        ("answer p2 before ack 1", "has no answer p2"),
        ("event 1.3 before event 1.1", "in the line 'event 1 /v2/me/outbound'"),
        ("event 1.1 apart from event 1.3", "in the line 'event 1 /v2/me/outbound'"),
        ("ack 1 2s late", "longer than 1.0 s"),
        ("event 1.1 twice", "nobody asked for duplicate"),
        ("event 1.1 in a lost poll", "nobody asked for poll"),
        ("event 3.1 before ack 1", "has no event 3.1"),
    ],
)
def test_what_a_schedule_may_ask_for(text: str, said: str) -> None:
    found = against(small(), [text])

    assert (found == []) is (said == ""), found
    assert said in " ".join(found)


def test_each_kind_of_deviation_is_read() -> None:
    from recorder.replay.engine.orders.deviations import Kind

    texts = {
        "event 1.1 before ack 1", "event 1.1 with event 1.2", "event 1.1 apart from event 1.2", "event u1 300ms late",
        "event 1.1 in a reply", "event 1.1 in a lost poll", "ack 1 after a lost session", "event 1.1 twice",
        "event 1.1 after a cut websocket",
    }  # fmt: skip

    assert len(texts) == len(Kind)
    assert wish_of("answer p1 before answer p12").other == "answer p12"
    assert {wish_of(text).what for text in texts} == {kind.value for kind in Kind}


@pytest.mark.parametrize(
    ("pattern", "channel", "fit"),
    [
        ("/a", "/a", True),
        ("/a", "/a/b", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("/a/**", "/a/b/c", True),
        ("/**", "/a", True),
    ],
)
def test_patterns(pattern: str, channel: str, fit: bool) -> None:
    assert fits(pattern, channel) is fit


def test_the_page_names_each_kind_of_deviation() -> None:
    from recorder.replay.engine.orders.deviations import Kind

    page = (ROOT / "docs" / "races.md").read_text(encoding="utf-8")
    texts = re.findall(r"`((?:ack|event|answer) [^`]*)`", page)

    assert {wish_of(text).what for text in texts} == {kind.value for kind in Kind}
