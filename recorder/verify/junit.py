"""Write a verdict as JUnit XML: a suite for each run, a case for each triple.

Source: the schema of Jenkins' xunit plugin, which GitLab, Azure and the actions of GitHub read too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..model import Recording, Triple
from .evidence import title_of
from .judged import Judged, Place, Rule, Tier
from .verdict import Verdict
from .wording import sentence

_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_UNASKED, _OTHERS, _RUN = "events nobody asked for", "other exchanges", "the run"


class _Case(NamedTuple):
    """A test case: the number of a triple or else its title, how it is called, and the seconds that it took."""

    key: int | str
    title: str
    session: str = ""
    seconds: float = 0.0


def junit(
    verdict: Verdict, old: Recording, name: str, fail_on: Tier = Tier.ERROR, took: Sequence[Mapping[int, float]] = ()
) -> str:
    """Return the XML.

    Args:
        verdict: The findings.
        old: What was driven; each of its triples is a case.
        name: What to call it, such as the name of the cassette.
        fail_on: A finding of this tier, or of a weightier one, fails its case; others are only told.
        took: Of each run, the `times` of its triples; 0 for those that are not given.
    """
    root = Element("testsuites", name=_fit(name))
    failures = 0
    for run in range(1, verdict.runs + 1):
        label = f"{name}, run {run}" if verdict.runs > 1 else name
        suite = SubElement(root, "testsuite", name=_fit(label))
        seconds = took[run - 1] if took else {}
        cases = [_Case(one.n, _titled(one), one.session or "", seconds.get(one.n, 0.0)) for one in old.triples]
        cases += [_Case(title, title) for title in (_UNASKED, _OTHERS, _RUN)]
        failures += _suite(suite, verdict, run, cases, fail_on)
    count = sum(int(suite.get("tests", "0")) for suite in root)
    total = sum(float(suite.get("time", "0")) for suite in root)
    root.attrib |= {"tests": str(count), "failures": str(failures), "errors": "0", "time": f"{total:.3f}"}
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def times(old: Recording, live: Recording) -> dict[int, float]:
    """Return how many seconds each recorded triple took live, from its request to its last event, by its number.

    The triples of an operation stand for each other in their order.
    """
    lasted: dict[str, Iterator[float]] = {}
    for title, group in _by_title(live.triples).items():
        lasted[title] = iter([_seconds(one) for one in group])
    return {one.n: next(lasted.get(title_of(one), iter(())), 0.0) for one in old.triples}


def _by_title(triples: Iterable[Triple]) -> dict[str, list[Triple]]:
    found: dict[str, list[Triple]] = defaultdict(list)
    for one in triples:
        found[title_of(one)].append(one)
    return found


def _seconds(one: Triple) -> float:
    told = [link.event.t for link in one.events] + ([one.ack.t] if one.ack is not None else [])
    return max(0, max(told, default=one.request.t) - one.request.t) / 1e9


def _suite(suite: Element, verdict: Verdict, run: int, cases: Sequence[_Case], fail_on: Tier) -> int:
    """Fill the suite of a run, and return the number of failed cases."""
    found: dict[int | str, list[tuple[Judged, Place]]] = defaultdict(list)
    for one in verdict.found:
        for place in one.places:
            if place.run == run:
                found[_case_of(place)].append((one, place))
    failed = skipped = 0
    for key, title, session, seconds in cases:
        classname = ".".join(filter(None, (suite.get("name", "").replace(".", "_"), session)))
        # reporters read a case without a time as one of NaN ms
        case = SubElement(suite, "testcase", name=_fit(title), classname=_fit(classname), time=f"{seconds:.3f}")
        outcome = _outcome(case, found[key], fail_on)
        failed += outcome == "failure"
        skipped += outcome == "skipped"
    suite.attrib |= {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
    suite.attrib["time"] = f"{sum(case.seconds for case in cases):.3f}"
    return failed


def _outcome(case: Element, found: list[tuple[Judged, Place]], fail_on: Tier) -> str:
    """Fill a case, and return the name of the element that tells its outcome; "" if it passed."""
    bad = [pair for pair in found if pair[0].tier.weight >= fail_on.weight]
    unsent = [one for one, _ in found if one.rule is Rule.UNSENT]
    outcome = "failure" if bad else "skipped" if unsent else ""
    if bad:
        first, place = bad[0]
        message = _fit(f"{place.where} {sentence(first)}".strip())
        element = SubElement(case, outcome, message=message, type=first.rule.value)
        element.text = _fit("\n".join(_line(*pair) for pair in bad))
    elif unsent:
        SubElement(case, outcome, message=_fit(unsent[0].text))
    others = [pair for pair in found if pair not in bad]
    if others:
        SubElement(case, "system-out").text = _fit("\n".join(_line(*pair) for pair in others))
    return outcome


def _case_of(place: Place) -> int | str:
    if place.n:
        return place.n
    if place.where.startswith("unsolicited"):
        return _UNASKED
    return _OTHERS if place.where else _RUN


def _line(one: Judged, place: Place) -> str:
    flaky = f" (flaky: in {len(one.runs)} of {one.of} runs)" if one.is_flaky else ""
    return f"{one.tier.value}: {place.where} {sentence(one)}{flaky}"


def _titled(item: Triple) -> str:
    return f"triple {item.n} {title_of(item)}"


def _fit(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return _UNFIT.sub("\ufffd", text)
