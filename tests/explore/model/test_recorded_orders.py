"""The orders that real servers showed can be drawn: deviations lead from one recording of a session to each other one.

`orders.txt` has 15 orders of one session, by CometD's Java server (3.1, 5.0), cometd-nodejs-server and faye.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from recorder.cassette.reader import read
from recorder.explore.law import Law
from recorder.explore.placed import placed
from tests.explore.model.asked import against
from tests.explore.model.desktop import Manners
from tests.explore.model.law import judged
from tests.explore.model.moments import of_records
from tests.explore.model.orders import KEPT, Step, kept, of_text, order_seen, to_text, way_to
from tests.explore.model.trials import RECORDINGS, recorded

pytestmark = pytest.mark.once

_NAMED = {path.stem: path for path in RECORDINGS}
ORDERS = kept(KEPT)


def reached(base: str, goal: Sequence[Step], transport: str = "long-polling") -> list[str]:
    """The deviations that lead from a recording to an order; a failure where none do, or one of them is illegal."""
    recording, dialect, facts = recorded(_NAMED[base])
    schedule, order = way_to(recording, dialect, facts, goal, Manners("all", transport), smallest=False)

    assert to_text(order) == to_text(goal)
    texts = list(map(str, schedule.deviations))
    assert against(facts, texts) == []
    law = Law(placed(recording, dialect))
    assert law.allows(schedule.deviations)
    return texts


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_a_real_server_can_be_drawn(name: str) -> None:
    reached("preview-session", ORDERS[name], "websocket" if "websocket" in name else "long-polling")


@pytest.mark.parametrize(
    ("base", "other"), [("desk", "desk-websocket"), ("desk-websocket", "desk"), ("desk", "desk-redacted")]
)
def test_two_recordings_of_one_lab_lead_to_each_other(base: str, other: str) -> None:
    path = _NAMED["desk"].with_name(f"{other}.cassette")
    goal = order_seen(judged(recorded(path)[2], of_records(read(path).records), sessions={"": "s1"}))

    reached(base, goal, "websocket" if "websocket" in other else "long-polling")


def test_an_order_is_a_text() -> None:
    text = "request 1 | event 1.1 | ack 1 | event 2.1 + event 2.2 | event u1 ~"

    assert to_text(of_text(text)) == text
    assert len(ORDERS) >= 15
