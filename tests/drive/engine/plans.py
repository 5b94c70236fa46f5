"""Plans of conversations, and what tests ask of them."""

from __future__ import annotations

from recorder.dialect.definition import Dialect, load, parse, source
from recorder.drive.engine.plan import Act, Hole, Plan, Step, Why
from recorder.drive.engine.planning import plan_of
from recorder.drive.engine.reading import sent_leaves, told_value
from recorder.redaction.policy import Policy
from tests.wire import Wire


def planned(wire: Wire, dialect: Dialect | None = None, policy: Policy | None = None) -> Plan:
    """The plan of what is on the wire."""
    own = dialect or load()
    plan = plan_of(wire.recording(own), wire.records, own, policy)
    check(plan)
    return plan


def with_drive(text: str) -> Dialect:
    """The dialect of GWS with a table for drives."""
    return parse(source("gws-outbound").replace("[replay]", f"[drive]\n{text}\n\n[replay]", 1), path="mine.toml")


def titled(plan: Plan, title: str, number: int = 0) -> Step:
    """A step by its title."""
    return [step for step in plan.steps if step.title == title][number]


def hole(step: Step, name: str) -> Hole:
    """The hole of a step by its name."""
    (found,) = [one for one in step.holes if one.name == name]
    return found


def sources(plan: Plan, step: Step, name: str) -> list[str]:
    """What told the value of a hole: names of events, else titles of the steps that were answered."""
    told = [plan.told[one.told] for one in hole(step, name).sources]
    return [one.name or f"answer to {plan.steps[one.step].title}" for one in told if one.step is not None]


def waits(plan: Plan, step: Step, *whys: Why) -> list[str]:
    """What a step waits for, for these reasons (all without one), in order."""
    found = []
    for cause in step.causes:
        if whys and cause.why not in whys:
            continue
        if cause.step is not None:
            found.append(plan.steps[cause.step].title)
        elif cause.told is not None:
            told = plan.told[cause.told]
            of = plan.steps[told.step].title if told.step is not None else ""
            found.append(told.name or f"answer to {of}")
    return found


def acts(plan: Plan) -> list[Act]:
    """What the clients do, in order."""
    return [step.act for step in plan.steps]


def check(plan: Plan) -> None:
    """What must hold of each plan."""
    assert [step.number for step in plan.steps] == list(range(len(plan.steps)))
    assert [one.number for one in plan.told] == list(range(len(plan.told)))
    assert [step.at for step in plan.steps] == sorted(step.at for step in plan.steps)
    for step in plan.steps:
        for cause in step.causes:
            assert (cause.step is None) != (cause.told is None)
            if cause.step is not None:
                assert cause.step < step.number
            else:
                # no circle: what is waited for was told before, and follows a step before this one
                told = plan.told[cause.told or 0]
                assert told.at < step.at
                assert told.step is None or told.step < step.number
            assert cause.t <= step.t
        assert len({(cause.step, cause.told) for cause in step.causes}) == len(step.causes)
        for one in step.holes:
            assert len(one.sources) <= 8
            assert [source.told for source in one.sources] == sorted((s.told for s in one.sources), reverse=True)
            assert all(plan.told[source.told].at < step.at for source in one.sources)
            assert one.end - one.start == len(one.recorded)
        read(plan, step)
    used = {step.connection for step in plan.steps} | {one.connection for one in plan.told}
    assert used <= {"", *plan.connections}
    assert {step.client for step in plan.steps} <= plan.clients.keys()
    assert all(plan.told[step.answer].step == step.number for step in plan.steps if step.answer is not None)


def read(plan: Plan, step: Step) -> None:
    """The values of a step are where those look for them who put live values there, and so are their sources."""
    leaves = {leaf.address: leaf.text for leaf in sent_leaves(step)}
    of_carrier = Step(step.number, Act.CALL, "", "", (0, 0), 0, 0, None, step.request)
    leaves |= {leaf.address: leaf.text for leaf in sent_leaves(of_carrier) if leaf.address[0] in ("header", "query")}
    for one in step.holes:
        assert leaves[one.place][one.start : one.end] == one.recorded
        assert [told_value(source, plan.told[source.told]) for source in one.sources] == [one.recorded] * len(
            one.sources
        )
