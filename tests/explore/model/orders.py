"""The order of a run as a text that can be kept, and the deviations that lead from one order to another.

An order is a row of steps: the request of an operation, an ack, or the events of one answer; requests that are no
operations and their answers are left out. `event u2 ~` came in the
answer to something else than a poll; on a WebSocket no event is said to.

    request 1 | event 1.1 | ack 1 | request 2 | ack 2 | event 2.1 + event 2.2 | event u1 ~
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TypeAlias

from recorder.dialect.definition import Dialect
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule
from tests.explore.model.desktop import Manners, World, sessions_of
from tests.explore.model.facts import Facts
from tests.explore.model.law import Judge, judged

Step: TypeAlias = tuple[str, ...]
KEPT = Path(__file__).with_name("orders.txt")


def order_seen(judge: Judge) -> list[Step]:
    """The order that the one client of a run saw."""
    marked = [(one.moment, one.item + _mark(one.asked)) for one in judge.seen]
    marked += [(moment, name) for name, moment in judge.went]
    marked = [one for one in marked if not one[1].startswith(("request p", "answer p"))]
    return [tuple(text for _, text in group) for _, group in groupby(sorted(marked, key=_moment), key=_moment)]


def _moment(one: tuple[int, str]) -> int:
    return one[0]


def _mark(asked: Sequence[str]) -> str:
    return " ~" if asked and "/meta/connect" not in asked else ""


def to_text(order: Sequence[Step]) -> str:
    """The text of an order."""
    return " | ".join(" + ".join(step) for step in order)


def of_text(text: str) -> list[Step]:
    """The order that a text tells."""
    return [tuple(step.split(" + ")) for step in " ".join(text.split()).split(" | ")]


def write(path: Path, orders: Mapping[str, Sequence[Step]]) -> None:
    """Write orders by their names."""
    head = (
        "# Orders that real servers showed in the session of cassettes/preview-session; record_orders.py writes them.\n"
    )
    path.write_text(head + "".join(f"\n{name}\n    {to_text(orders[name])}\n" for name in sorted(orders)))


def kept(path: Path) -> dict[str, list[Step]]:
    """The orders of a file, by their names."""
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {name: of_text(text) for name, text in zip(lines[::2], lines[1::2], strict=True)}


def renamed(order: Sequence[Step], mine: Facts, base: Facts) -> list[Step]:
    """An order of one recording in the names of another one of the same session.

    The events of an operation are the same where name and channel are, the first of several the first.
    """
    names = dict(zip(_described(mine), (fact.name for fact in mine.events), strict=True))
    others = dict(zip(_described(base), (fact.name for fact in base.events), strict=True))
    new = {name: others[described] for described, name in names.items()}
    return [
        tuple(
            new.get(text.removesuffix(" ~"), text.removesuffix(" ~")) + text[len(text.removesuffix(" ~")) :]
            for text in step
        )
        for step in order
    ]


def _described(facts: Facts) -> Iterator[tuple[str, str, str, int]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for fact in facts.events:
        its = fact.name.rpartition(".")[0] or "event u", fact.label, fact.channel
        counts[its] += 1
        yield (*its, counts[its])


def way_to(
    recording: Recording,
    dialect: Dialect,
    facts: Facts,
    goal: Sequence[Step],
    manners: Manners,
    *,
    smallest: bool = True,
) -> tuple[Schedule, list[Step]]:
    """Return a schedule by which a recording is played in another order, and the order that it was played in.

    A patient desktop does what the client of that order did. The smallest schedule leaves out what the
    recorded order has anyway; that takes a run for each deviation.
    """
    wanted = list(_deviations(goal, facts))
    got = dict(_got(goal))

    def played(texts: Sequence[str]) -> list[Step]:
        world = World(recording, dialect, facts=facts, schedule=Schedule.of(map(Deviation.parse, texts)))
        world.desk(next(iter(recording.session_starts)), manners, got=got)
        return order_seen(judged(facts, world.run(), sessions=dict(sessions_of(world))))

    order = played(wanted)
    if order == list(goal) and smallest:
        for text in wanted[:]:
            less = [one for one in wanted if one != text]
            if played(less) == order:
                wanted = less
    return Schedule.of(map(Deviation.parse, wanted)), order


def _deviations(goal: Sequence[Step], facts: Facts) -> Iterator[str]:
    """Tie each step to the one before; in one answer, what is not in recorded order."""
    before = ""
    for step in goal:
        items = [text.removesuffix(" ~") for text in step]
        if items[0].startswith("request "):
            continue
        for last, item in pairwise(items):
            yield f"{item} with {last}"
            if facts.order[last] > facts.order[item]:
                yield f"{last} before {item}"
        for text, item in zip(step, items, strict=True):
            if before:
                yield f"{before} before {item}"
            if text.endswith(" ~"):
                yield f"{item} in a reply"
        before = items[-1]


def _got(goal: Sequence[Step]) -> Iterator[tuple[int, frozenset[str]]]:
    before: set[str] = set()
    for step in goal:
        if step[0].startswith("request "):
            yield int(step[0].removeprefix("request ")), frozenset(before)
        else:
            before |= {text.removesuffix(" ~") for text in step}
