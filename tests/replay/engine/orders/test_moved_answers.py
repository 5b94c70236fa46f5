"""The answers to requests that are no operations, moved by a schedule as acks and events are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recorder.errors import UsageError
from recorder.library.recording import joined
from recorder.model import Headers, Recording
from recorder.replay.engine.orders import played
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.played import Act
from recorder.replay.engine.orders.player import OrderedPlayer
from recorder.replay.engine.orders.schedule import Kept, Schedule
from tests.replay.stage import Desk, Stage
from tests.wire import Wire, chained, done, record_event, state_event

CALLS, AGENTS, SKILLS = "/api/v2/calls", "/api/v2/agents", "/api/v2/skills"


def typed(media: str) -> Headers:
    return (("Content-Type", media),)


def conversation(client: str = "client1") -> Recording:
    """A snapshot and an event that changes it, an operation, two answers that are under way at once."""
    wire = Wire()
    desk = wire.desk(client)
    desk.polls()
    snapshot = wire.request("GET", CALLS, b"")
    wire.wait(0.1)
    wire.respond(snapshot, {"calls": []})
    wire.wait(0.1)
    desk.hears(state_event())
    desk.asks(chained(7, "c"), record_event("ChainedRecord", 7, "c"), done(7, "c"))
    first = wire.request("GET", AGENTS, b"")
    second = wire.request("GET", SKILLS, b"")
    for exchange, name in ((first, "agents"), (second, "skills")):
        wire.wait(0.1)
        wire.respond(exchange, {"of": name})
    return wire.recording()


RECORDED = conversation()


class Play(Stage):
    """A stage with a schedule, and one desktop that holds a poll."""

    def __init__(self, *texts: str, recording: Recording = RECORDED, kept: Kept | None = None) -> None:
        self.schedule = Schedule.of(map(Deviation.parse, texts))
        super().__init__(recording, 1, schedule=kept or self.schedule)
        self.one = self.desk()
        self.one.listens()

    @property
    def ordered(self) -> OrderedPlayer:
        assert self.standin.ordered is not None
        return self.standin.ordered

    @property
    def names(self) -> list[str]:
        return [act.name for act in self.ordered.order.acts if not act.name.startswith("request")]

    def gets(self, *targets: str, method: str = "GET") -> list[int]:
        return [self.one.sends(method, target, b"") for target in targets]

    def ends(self) -> Desk:
        """Wait until all came, and let go what waits for ever, as a front does."""
        self.wait(5)
        while self.ordered.is_stuck:
            self.ordered.give_up()
            self.driver()
            self.wait(5)
        assert self.misses == []
        return self.one

    @property
    def unmet(self) -> list[str]:
        return sorted(map(str, self.ordered.order.unmet))


def all_of(stage: Play) -> Desk:
    """Do what the recorded client did, and no sooner."""
    stage.gets(CALLS)
    stage.wait(3)
    stage.one.posts(chained(7, "x"))
    stage.wait(3)
    stage.gets(AGENTS, SKILLS)
    return stage.ends()


USUAL = ["answer p1", "event u1", "ack 1", "event 1.1", "event 1.2", "answer p2", "answer p3"]


def test_without_deviations_all_is_as_recorded_and_noted() -> None:
    stage = Play()
    all_of(stage)

    assert stage.names == USUAL
    requests = [act.name for act in stage.ordered.order.acts if act.name.startswith("request")]
    assert requests == ["request p1", "request 1", "request p2", "request p3"]


def test_an_event_overtakes_an_answer() -> None:
    stage = Play("event u1 before answer p1")
    desk = all_of(stage)

    assert stage.names == ["event u1", "answer p1", *USUAL[2:]]
    assert stage.unmet == []
    assert desk.said.index("DeviceStateChangeMessage") < desk.said.index("ack 200")


def test_an_answer_that_came_behind_an_event_comes_before_it() -> None:
    stage = Play("answer p2 before event 1.2")
    stage.gets(AGENTS)
    stage.one.posts(chained(7, "x"))
    stage.ends()
    assert stage.names.index("answer p2") < stage.names.index("event 1.2")

    late = Play("answer p2 before event 1.2")  # its request comes when the event waits already
    late.one.posts(chained(7, "x"))
    late.wait(3)
    assert "event 1.2" not in late.names
    late.gets(AGENTS)
    late.ends()

    assert late.names.index("answer p2") < late.names.index("event 1.2")
    assert stage.unmet == late.unmet == []


def test_an_answer_waits_for_an_ack_and_an_ack_for_an_answer() -> None:
    for text, first, second in (
        ("ack 1 before answer p1", "ack 1", "answer p1"),
        ("answer p1 before ack 1", "answer p1", "ack 1"),
    ):
        stage = Play(text)
        stage.gets(CALLS)
        stage.one.posts(chained(7, "x"))
        stage.ends()

        assert stage.names.index(first) < stage.names.index(second)
        assert stage.unmet == []


def test_two_answers_change_places() -> None:
    stage = Play("answer p3 before answer p2")
    desk = all_of(stage)

    assert stage.names[-2:] == ["answer p3", "answer p2"]
    assert stage.unmet == []
    assert [reply.body for reply in desk.replies.values()][-2:] == [b'{"of":"skills"}', b'{"of":"agents"}']


def test_an_answer_comes_late() -> None:
    stage = Play("answer p1 2s late")
    all_of(stage)

    times = {act.name: act.at for act in stage.ordered.order.acts}
    assert times["answer p1"] - times["request p1"] >= 2
    assert stage.names.index("event u1") < stage.names.index("answer p1")
    assert stage.unmet == []


def test_an_answer_comes_alone_in_its_answer() -> None:
    stage = Play("event u1 before answer p1")
    all_of(stage)

    numbers: dict[int, list[str]] = {}
    for act in stage.ordered.order.acts:
        numbers.setdefault(act.answer, []).append(act.name)
    assert [names for names in numbers.values() if "answer p1" in names] == [["answer p1"]]


def test_what_a_client_never_asks_for_is_not_waited_for_for_ever() -> None:
    stage = Play("answer p2 before answer p1")
    (number,) = stage.gets(CALLS)
    desk = stage.ends()

    assert desk.replies[number].status == 200
    assert sorted(stage.names) == ["answer p1", "event u1"]


def test_a_circle_is_let_go() -> None:
    stage = Play("event u1 before answer p1", "answer p1 before event u1")
    desk = all_of(stage)

    assert sorted(stage.names) == sorted(USUAL)
    assert len(stage.unmet) == 1
    assert desk.said.count("DeviceStateChangeMessage") == 1


def test_an_answer_that_its_client_gave_up_did_not_happen() -> None:
    stage = Play("event u1 before answer p1")
    (number,) = stage.gets(CALLS)
    stage.abort(number)
    stage.ends()

    assert "answer p1" not in stage.names


def test_each_client_has_the_order_of_its_own() -> None:
    stage = Play("event u1 before answer p1")
    other = stage.desk()
    other.listens()
    for desk in (stage.one, other):
        desk.sends("GET", CALLS, b"")
    stage.ends()

    for client in ("p1", "p2"):
        mine = [act.name for act in stage.ordered.order.acts if act.client == client]
        assert mine == ["request p1", "event u1", "answer p1"]


# Kinds of answers


def one_of(respond: Callable[[Wire, int], None], method: str = "GET") -> Recording:
    """One exchange, and an event behind it that nobody asked for."""
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    exchange = wire.request(method, CALLS, b"")
    wire.wait(0.1)
    respond(wire, exchange)
    wire.wait(0.1)
    desk.hears(state_event())
    return wire.recording()


def in_pieces(wire: Wire, exchange: int) -> None:
    wire.head(exchange, typed("text/plain"))
    for content in (b"one\n", b"two\n"):
        wire.wait(0.05)
        wire.sends(exchange, content)
    wire.wait(0.05)
    wire.ends(exchange)


@pytest.mark.parametrize(
    ("method", "respond"),
    [
        ("HEAD", lambda wire, exchange: wire.respond(exchange, b"")),
        ("GET", lambda wire, exchange: wire.respond(exchange, b"", 204)),
        ("GET", lambda wire, exchange: wire.respond(exchange, {"error": "none"}, 404)),
        ("DELETE", lambda wire, exchange: wire.respond(exchange, b"", 503)),
        ("GET", in_pieces),
    ],
    ids=["head", "204", "404", "503", "pieces"],
)
def test_any_answer_is_overtaken(method: str, respond: Callable[[Wire, int], None]) -> None:
    recording = one_of(respond, method)
    usual, stage = Play(recording=recording), Play("event u1 before answer p1", recording=recording)
    got = []
    for one in (usual, stage):
        (number,) = one.gets(CALLS, method=method)
        one.ends()
        reply = one.one.replies[number]
        got.append((reply.status, reply.body, one.one.got(number)))

    assert usual.names == ["answer p1", "event u1"]
    assert stage.names == ["event u1", "answer p1"]
    assert stage.unmet == []
    assert got[0] == got[1]


def test_pieces_stay_behind_a_head_that_is_held() -> None:
    recording = one_of(in_pieces)
    stage = Play("answer p1 2s late", recording=recording)
    (number,) = stage.gets(CALLS)
    stage.wait(1)
    assert number not in stage.one.replies
    assert number not in stage.one.pieces
    stage.ends()

    assert stage.one.got(number) == [b"one\n", b"two\n"]
    assert stage.one.said == ["DeviceStateChangeMessage", "ack 200", "one", "two", "end"]
    assert stage.unmet == []


@pytest.mark.parametrize("text", ["answer p4 before ack 1", "ack 1 before answer p9"])
def test_what_the_recording_lacks_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}': the recording has no answer p[49]; it has 3 exchanges"):
        Play(text)


def test_an_answer_that_keeps_its_place_is_told_so() -> None:
    recording = one_of(lambda wire, exchange: wire.respond(exchange, b"", 302))

    with pytest.raises(UsageError, match=r"answer p1 is no answer that may be moved: GET /api/v2/calls is a redirect"):
        Play("answer p1 1s late", recording=recording)


# Several cassettes, and earlier runs


def test_joined_cassettes_number_their_answers_through() -> None:
    recording = joined([conversation("client1"), conversation("client2")])
    stage = Play("answer p6 before answer p5", recording=recording)
    for _ in range(2):
        stage.gets(CALLS)
        stage.wait(3)
    stage.gets(AGENTS, SKILLS)
    stage.wait(3)
    stage.gets(AGENTS, SKILLS)
    stage.ends()

    assert [one.request.target for one in recording.plain] == [CALLS, AGENTS, SKILLS] * 2
    assert [name for name in stage.names if name.startswith("answer")] == [
        "answer p1", "answer p4", "answer p2", "answer p3", "answer p6", "answer p5",
    ]  # fmt: skip
    assert stage.unmet == []


def kept(*names: str) -> Kept:
    return Kept(
        Schedule.of([Deviation.parse("event u1 before answer p1")]), played=tuple((name, 0.0) for name in names)
    )


def test_a_run_is_guided_by_what_is_plain_in_an_earlier_one() -> None:
    stage = Play(kept=kept("request p1", "event u1", "answer p1", "request 1", "ack 1"))
    assert stage.ordered.is_awaited

    stage.gets(CALLS)
    assert not stage.ordered.is_awaited
    stage.wait(1)
    assert stage.names == ["event u1", "answer p1"]
    assert stage.ordered.is_awaited  # request 1

    stage.one.posts(chained(7, "x"))
    assert not stage.ordered.is_awaited


def test_a_run_is_guided_by_one_that_names_nothing_plain() -> None:
    stage = Play(kept=kept("event u1", "request 1", "ack 1", "event 1.1", "event 1.2"))
    assert not stage.ordered.is_awaited

    stage.gets(CALLS)
    stage.wait(1)
    assert stage.names == ["event u1", "answer p1"]
    assert stage.ordered.is_awaited  # request 1

    stage.one.posts(chained(7, "x"))
    assert not stage.ordered.is_awaited
    stage.wait(3)
    assert stage.names == USUAL[1::-1] + USUAL[2:5]
    assert not stage.ordered.is_guided


def test_the_acts_of_a_run_name_the_client_of_a_plain_request() -> None:
    stage = Play()
    stage.gets(CALLS)
    stage.ends()

    assert stage.ordered.order.acts[0] == Act("request p1", 0.0, 0, "p1")
    assert stage.ordered.order.acts[1].client == "p1"


def test_many_plain_requests_leave_operations_and_events_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(played, "_MOST_PLAIN", 4)
    monkeypatch.setattr(played, "_MOST", 4)
    stage = Play("event 1.1 before ack 1")
    stage.gets(*[CALLS] * 5)
    all_of(stage)

    acts = [act.name for act in stage.ordered.order.acts]
    assert acts[:4] == ["request p1"] * 4
    assert acts[4:] == ["event u1", "request 1", "event 1.1", "ack 1"]
    assert stage.unmet == []
