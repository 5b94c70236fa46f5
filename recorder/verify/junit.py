"""Write a verdict as JUnit XML: a suite for each run, a case for each triple.

Source: the schema of Jenkins' xunit plugin, which GitLab, Azure and the actions of GitHub read too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..model import Recording, Triple
from .evidence import title_of
from .judged import Judged, Place, Rule, Tier
from .verdict import Verdict
from .wording import sentence

_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_UNASKED, _OTHERS, _RUN = "events nobody asked for", "other exchanges", "the run"


def junit(verdict: Verdict, old: Recording, name: str, fail_on: Tier = Tier.ERROR) -> str:
    """Return the XML.

    Args:
        verdict: The findings.
        old: What was driven; each of its triples is a case.
        name: What to call it, such as the name of the cassette.
        fail_on: A finding of this tier, or of a weightier one, fails its case; others are only told.
    """
    cases = [(item.n, _titled(item), item.session or "") for item in old.triples]
    root = Element("testsuites", name=_fit(name))
    failures = 0
    for run in range(1, verdict.runs + 1):
        label = f"{name}, run {run}" if verdict.runs > 1 else name
        failures += _suite(SubElement(root, "testsuite", name=_fit(label)), verdict, run, cases, fail_on)
    count = sum(int(suite.get("tests", "0")) for suite in root)
    root.attrib |= {"tests": str(count), "failures": str(failures)}
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(suite: Element, verdict: Verdict, run: int, cases: list[tuple[int, str, str]], fail_on: Tier) -> int:
    """Fill the suite of a run, and return the number of failed cases."""
    found: dict[int | str, list[tuple[Judged, Place]]] = defaultdict(list)
    for one in verdict.found:
        for place in one.places:
            if place.run == run:
                found[_case_of(place)].append((one, place))
    every: list[tuple[int | str, str, str]] = [*cases, *((name, name, "") for name in (_UNASKED, _OTHERS, _RUN))]
    failed = skipped = 0
    for key, title, session in every:
        classname = ".".join(filter(None, (suite.get("name", "").replace(".", "_"), session)))
        case = SubElement(suite, "testcase", name=_fit(title), classname=_fit(classname))
        outcome = _outcome(case, found[key], fail_on)
        failed += outcome == "failure"
        skipped += outcome == "skipped"
    suite.attrib |= {"tests": str(len(every)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
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
