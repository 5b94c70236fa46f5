"""A plan of some of its clients: numbered anew, with no thread left to the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.drive.engine.plan import Act, Cause, Client, Connection, Hole, Plan, Source, Step, Told, Why
from recorder.drive.engine.selecting import of_clients
from recorder.errors import UsageError
from recorder.model import Request

BODY = ("body", "handle")
HANDLE = Hole(BODY, 0, 1, "7", "handle", sources=(Source(2, BODY), Source(0, BODY)))


def step(number: int, client: str, causes: tuple[Cause, ...] = (), holes: tuple[Hole, ...] = ()) -> Step:
    request = Request(number, number, number, "c1", "POST", "/api", (), b"")
    return Step(number, Act.CALL, client, "", (number, 0), number, 0, f"Op{number}", request,
                causes=causes, holes=holes, answer=number)  # fmt: skip


def plan() -> Plan:
    waits = (
        Cause(0, None, 0, Why.TURN),
        Cause(1, None, 1, Why.OTHER),
        Cause(None, 0, 0, Why.ORDER),
        Cause(None, 1, 1, Why.VALUE, ("handle",)),
    )
    told = tuple(Told(n, client, "", (n, 1), n, n) for n, client in enumerate(("s1", "s2", "s2", "s1")))
    return Plan(
        steps=(step(0, "s1"), step(1, "s2"), step(2, "s2"), step(3, "s1", waits, (HANDLE,))),
        told=told,
        clients={"s1": Client("s1", connections=("a",)), "s2": Client("s2", connections=("b",))},
        connections={"a": Connection("a", "s1", "bayeux", "/cometd"), "b": Connection("b", "s2", "bayeux", "/cometd")},
        upstream="http://gws.example",
    )


def test_the_steps_of_a_client_are_numbered_anew() -> None:
    found = of_clients(plan(), {"s1"})

    assert [(one.number, one.operation, one.answer) for one in found.steps] == [(0, "Op0", 0), (1, "Op3", 1)]
    assert [(one.number, one.step, one.client) for one in found.told] == [(0, 0, "s1"), (1, 1, "s1")]
    assert list(found.clients) == ["s1"]
    assert list(found.connections) == ["a"]


def test_a_step_waits_for_nothing_of_a_client_that_is_left_out() -> None:
    last = of_clients(plan(), {"s1"}).steps[-1]

    assert [(one.step, one.told, one.why) for one in last.causes] == [(0, None, Why.TURN), (None, 0, Why.ORDER)]


def test_a_value_comes_from_no_client_that_is_left_out() -> None:
    (hole,) = of_clients(plan(), {"s1"}).steps[-1].holes

    assert [source.told for source in hole.sources] == [0]


def test_it_is_said_how_much_is_left_out() -> None:
    assert of_clients(plan(), {"s1"}).notes == ("2 steps of other sessions are left out",)


def test_all_clients_give_the_same_plan() -> None:
    assert of_clients(plan(), {"s1", "s2"}) == plan()


def test_an_event_of_a_step_that_is_left_out_follows_no_step() -> None:
    heard = replace(plan(), told=(*plan().told, Told(4, "s1", "a", (9, 0), 9, 1)))

    assert of_clients(heard, {"s1"}).told[-1].step is None


def test_an_unknown_client_is_named_beside_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no session 's9' in the cassette; it holds s1, s2"):
        of_clients(plan(), {"s9"})
