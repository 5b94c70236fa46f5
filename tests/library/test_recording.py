"""From a file to its recording, and several recordings as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.reader import Cassette, read
from recorder.correlate.anchors import Subscriptions, anchors
from recorder.dialect.definition import load
from recorder.errors import CassetteError, DialectError, UsageError
from recorder.library.recording import derive, joined, load_recording
from recorder.model import Anchor, AnchorKind, Header, Recording
from tests.wire import HEADER, Wire, chained, done, get_me, state_event

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"


def recording_of(handle: int, poll_timeout: float | None = 30.0) -> Recording:
    """One session: an unsolicited event, a plain exchange, a triple."""
    wire = Wire()
    desk = wire.desk()
    desk.hears(state_event())
    wire.respond(desk.post(get_me()), {"statusCode": 0})
    desk.asks(chained(handle, "r1"), done(handle, "r1"))
    return replace(wire.recording(), poll_timeout=poll_timeout)


def cassette(header: Header = HEADER) -> Cassette:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    return Cassette(header, tuple(wire.records))


def test_the_shipped_cassette_is_six_complete_triples() -> None:
    recording = load_recording(PREVIEW)

    assert [(t.n, t.operation, t.state.value, len(t.events)) for t in recording.triples] == [
        (1, "StartPreviewSession", "complete", 1),
        (2, "GetPreviewRecord", "complete", 2),
        (3, "GetChainedRecord", "complete", 6),
        (4, "UpdateRecord", "complete", 2),
        (5, "CompleteRecord", "complete", 2),
        (6, "EndPreviewSession", "complete", 1),
    ]


def test_deriving_twice_gives_the_same() -> None:
    assert load_recording(PREVIEW) == load_recording(PREVIEW)


def test_a_file_that_is_no_cassette_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "text.cassette"
    path.write_text("hello")

    with pytest.raises(CassetteError):
        load_recording(path)


def test_a_cassette_is_read_with_the_dialect_it_names() -> None:
    assert derive(cassette()).triples[0].operation == "GetChainedRecord"


def test_a_cassette_that_names_an_unknown_dialect_is_an_error() -> None:
    with pytest.raises(DialectError, match=r"^gws-inbound: name: no such dialect"):
        derive(cassette(replace(HEADER, dialect="gws-inbound")))


def test_another_dialect_may_be_given_instead() -> None:
    dialect = replace(load(), methods=frozenset({"PATCH"}))

    assert derive(cassette(replace(HEADER, dialect="gws-inbound")), dialect).triples == ()


def test_one_recording_joined_is_itself() -> None:
    assert joined([recording_of(7)]) == recording_of(7)


def test_triples_are_numbered_through() -> None:
    both = joined([recording_of(7), recording_of(8), recording_of(9)])

    assert [(t.n, t.keys["handle"]) for t in both.triples] == [(1, "7"), (2, "8"), (3, "9")]


def test_sessions_are_kept_apart() -> None:
    both = joined([recording_of(7), recording_of(8), recording_of(9)])

    assert list(both.session_starts) == ["s1", "c2.s1", "c3.s1"]
    assert [t.session for t in both.triples] == ["s1", "c2.s1", "c3.s1"]
    assert [p.session for p in both.plain] == ["s1", "c2.s1", "c3.s1"]
    assert [u.session for u in both.unsolicited] == ["s1", "c2.s1", "c3.s1"]


def test_client_ids_that_several_recordings_have_in_common_are_kept_apart() -> None:
    wire = Wire()
    desk = wire.desk("c1", (("Cookie", "JSESSIONID=a"),))
    wire.desk("c2", (("Cookie", "JSESSIONID=a"),))
    wire.desk("c1.c2", (("Cookie", "JSESSIONID=b"),))
    desk.hears(state_event())
    desk.asks(chained(7, "r1"), done(7, "r1"))
    one = wire.recording()

    both = joined([one, one, one])

    assert one.windows == {"c2": 1}
    assert both.windows == {"c2": 1, "c2.c2": 1, "c3.c2": 1}
    assert [link.event.client_id for t in both.triples for link in t.events] == ["c1", "c2.c1", "c3.c1"]
    assert [u.event.client_id for u in both.unsolicited] == ["c1", "c2.c1", "c3.c1"]
    of_client: dict[str, set[str | None]] = {}
    for message in both.messages:
        of_client.setdefault(message.client_id, set()).add(message.session)
    assert all(len(sessions) == 1 for sessions in of_client.values())
    assert len(of_client) == 9


def test_subscriptions_of_one_recording_are_none_of_another_one() -> None:
    wire = Wire()
    desk = wire.desk()
    gone = {"channel": "/meta/unsubscribe", "subscription": "/**"}
    wire.respond(desk.bayeux(gone | {"clientId": desk.client_id}), [gone | {"successful": True}])

    both = joined([recording_of(7), wire.recording()])

    covered = Subscriptions(both.messages).covered
    assert [covered(u.event) for u in both.unsolicited] == [True]
    assert [covered(link.event) for t in both.triples for link in t.events] == [True]


def asking(question: str, channel: str = "/service/ask") -> Recording:
    """A publish, a request, and what repeats the id of the publish."""
    wire = Wire()
    desk = wire.desk()
    sent = {"channel": channel, "clientId": desk.client_id, "data": {"id": question}}
    wire.respond(desk.bayeux(sent), [{"channel": channel, "successful": True}])
    wire.respond(desk.post(get_me()), {"statusCode": 0})
    desk.hears({"channel": "/answer", "data": {"of": question}}, state_event())
    desk.asks(chained(7, "r1"), done(7, "r1"))
    desk.hears(state_event())
    return wire.recording()


def of_each(parts: Sequence[Recording]) -> list[Anchor]:
    """The anchors of each recording, with the places and numbers that they have among those of all."""
    triples, others, found = 0, sum(len(part.triples) for part in parts), []
    for part in parts:
        for one in anchors(part):
            if one.place is None:
                found.append(one)
            elif one.kind is AnchorKind.OPERATION:
                found.append(replace(one, place=one.place + triples, number=one.number + triples))
            else:
                found.append(replace(one, place=one.place - len(part.triples) + others))
        triples, others = triples + len(part.triples), others + len(part.plain)
    return found


PARTS = {
    "copies": lambda: [asking("question-1"), asking("question-1")],
    "equal numbers": lambda: [asking("question-1"), asking("question-2", "/service/other")],
    "three": lambda: [recording_of(7), asking("question-1"), recording_of(8)],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_events_of_joined_cassettes_follow_what_they_follow_in_one(parts: Callable[[], list[Recording]]) -> None:
    recordings = parts()
    both = joined(recordings)

    assert list(anchors(both)) == of_each(recordings)
    for one in anchors(both):
        if one.place is not None:
            asked = (*both.triples, *both.plain)[one.place]
            assert (asked.request.seq, asked.n or 1) == (one.at[0], one.number)


def test_joined_recordings_may_be_joined_again() -> None:
    one, two, three = asking("question-1"), asking("question-1"), asking("question-2")

    assert list(anchors(joined([one, joined([two, three])]))) == of_each([one, two, three])
    assert list(anchors(joined([joined([one, two]), three]))) == of_each([one, two, three])


def test_a_session_that_is_not_known_stays_so() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/api/v2/me/outbound-records/7", chained(7).body))

    assert joined([recording_of(7), wire.recording()]).triples[1].session is None


def test_the_first_known_poll_timeout_is_taken() -> None:
    assert joined([recording_of(7, None), recording_of(8, 5.0), recording_of(9, 6.0)]).poll_timeout == 5.0


def test_recordings_of_two_dialects_are_not_joined() -> None:
    other = replace(recording_of(8), header=replace(HEADER, dialect="other"))

    with pytest.raises(UsageError, match=r"^cassette 2 has the dialect 'other', the first cassette 'gws-outbound'"):
        joined([recording_of(7), other])


@pytest.mark.parametrize("name", ["/dev/zero", "../gws-outbound", "1" * 4000, ""])
def test_a_cassette_cannot_make_us_open_a_file_it_names_as_its_dialect(name: str) -> None:
    whole = read(Path(__file__).parents[2] / "cassettes" / "get-chained-record.cassette")
    hostile = replace(whole, header=replace(whole.header, dialect=name))

    with pytest.raises(DialectError, match="no such dialect is shipped"):
        derive(hostile)
