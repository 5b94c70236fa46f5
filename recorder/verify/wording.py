"""Put findings in words: lines for a terminal and annotations for a run of GitHub Actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..printable import printable
from .judged import Judged, Rule, Tier
from .verdict import Verdict

_MOST = 5  # triples that are named
_COMMANDS = {Tier.ERROR: "error", Tier.WARNING: "warning", Tier.INFO: "notice"}


def text(verdict: Verdict) -> Iterator[str]:
    """Yield lines for a terminal; values that changed as in each run are only counted."""
    values = [one for one in verdict.found if _is_usual(one)]
    for one in verdict.found:
        if not _is_usual(one):
            yield f"{one.tier.value:<8}{title(one)}"
            yield f"        {sentence(one)}"
            more = beside(one)
            if more:
                yield f"        {more}"
    if values:
        where = _counted(len(values), "place")
        yield f"{Tier.INFO.value:<8}values at {where} differ in each run; --json lists them"


def summary(verdict: Verdict) -> str:
    """Return the number of findings in one line, and of those that are flaky: a person looks for chance there."""
    counts = [_counted(verdict.count(tier), tier.value) for tier in Tier]
    runs = f" in {verdict.runs} runs" if verdict.runs > 1 else ""
    flaky = sum(one.is_flaky and one.tier is not Tier.INFO for one in verdict.found)
    runs += f", {flaky} flaky" if flaky else ""
    known = f"; {len(verdict.accepted)} more that the baseline has too" if verdict.accepted else ""
    stalled = "; stalled before the end" if verdict.has_stalled else ""
    return f"{', '.join(counts)}{runs}{known}{stalled}"


def title(one: Judged) -> str:
    """Return where a finding is, e.g. `triple 5 GetChainedRecord events[0].data.record`."""
    number = f"triple {one.n}" if one.n and not one.operation.startswith("triple ") else ""
    return printable(" ".join(filter(None, (number, one.operation, one.where))) or "the run")


def sentence(one: Judged) -> str:
    """Return what a finding is, e.g. `field gone: had "x"`."""
    part = f" ({one.part})" if one.part not in ("", "ack", "request") else ""
    return printable(f"{one.rule.value}{part}: {one.text}")


def beside(one: Judged) -> str:
    """Return where else a finding is, and in which runs; "" if it was found once in one run."""
    numbers = Counter(place.n for place in one.places if place.n)
    del numbers[one.n]
    others = [str(n) for n in sorted(numbers)]
    words = []
    if others:
        more = f" and {len(others) - _MOST} more" if len(others) > _MOST else ""
        words.append(f"also in {'triple' if len(others) == 1 else 'triples'} {', '.join(others[:_MOST])}{more}")
    if one.is_flaky:
        words.append(f"flaky: in {len(one.runs)} of {one.of} runs")
    elif one.of > 1:
        words.append(f"in each of {one.of} runs")
    return "; ".join(words)


def for_github(verdict: Verdict, cassette: str) -> Iterator[str]:
    """Yield workflow commands of GitHub Actions, one for each finding.

    A value that changed as in each run gets none: GitHub shows ten annotations of a kind for a step.
    Source: docs.github.com, Workflow commands for GitHub Actions; the escapes are those of actions/toolkit.

    Args:
        verdict: The findings.
        cassette: Path of the recorded cassette, which the annotations stand at.
    """
    for one in verdict.found:
        if not _is_usual(one):
            name = f"{one.rule.value}: {title(one)}"
            message = ". ".join(filter(None, (sentence(one), beside(one))))
            yield f"::{_COMMANDS[one.tier]} file={_property(cassette)},title={_property(name)}::{_escaped(message)}"


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _escaped(value).replace(":", "%3A").replace(",", "%2C")


def _is_usual(one: Judged) -> bool:
    return one.tier is Tier.INFO and one.rule in (Rule.VALUE, Rule.LENGTH)


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}" + ("" if count == 1 else "s")
