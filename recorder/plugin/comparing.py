"""Make the page of a failed test: its cassette beside the live traffic of the test.

What was live is redacted as the cassette is, before anything of it is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ..cassette.reader import open_cassette
from ..correlate.engine import correlate
from ..dialect.definition import Dialect
from ..diff.differences import differences
from ..model import Record, Recording, Response
from ..redaction.again import has_free_form
from ..redaction.finder import Finder, same
from ..redaction.joins import fitted, of_more
from ..redaction.known import Known
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind, Pseudonyms
from ..redaction.redactor import redacted
from ..replay.engine.miss import HEADER, STATUS
from ..replay.engine.orders.schedule import Kept
from ..views import report, selection
from ..views.difference import Tally
from ..views.document import page
from ..views.orders.beside import orders
from .standing import pseudonyms

MOST = 5_000  # triples of a cassette that is compared: a page of more takes seconds, for each failed test
_ROWS = 1_000  # differences on a page


class Live(NamedTuple):
    """The traffic of one test with its server, before redaction.

    Attributes:
        name: What it is called on the page.
        url: Where the server was.
        records: What passed, in the clear, in order.
        left_out: Number of records that were not kept.
        known: Live values, each with the recorded value that it stands for.
    """

    name: str
    url: str
    records: Sequence[Record]
    left_out: int
    known: Mapping[str, str]


class Rules(NamedTuple):
    """The dialect and the policies for the page of a failed test.

    Attributes:
        dialect: Dialect of both.
        redaction: Policy that the cassette was redacted by; None for one in the clear.
        policy: Name or path of a policy that the settings name; None if they name none.
    """

    dialect: Dialect
    redaction: Policy | None
    policy: str | None


def page_of(
    cassettes: Sequence[Path], name: str, expected: Recording, live: Live, rules: Rules, *, kept: Kept | None = None
) -> str:
    """Return the page that compares the cassettes of a test with what was live.

    Args:
        cassettes: The files.
        name: Their names, for people.
        expected: What they hold, as one recording.
        live: What was live.
        rules: How to read and redact.
        kept: The schedule that the cassettes were played in, whose order the page draws; None draws none.

    Raises:
        RecorderError: If a cassette or a policy cannot be read, or the schedule is of other cassettes.

    """
    dialect, header = rules.dialect, expected.header
    stays = {} if rules.redaction is None else pseudonyms(expected, rules.redaction)
    masking = _Masking(Pseudonyms(secrets.token_bytes(32)), stays, live.known)
    records = _masked(live.records, fitted(of_more(header, rules.policy), dialect), masking)
    its = replace(header, upstream=live.url, file="", part=None)
    tally = Tally(_ROWS)
    for change in differences(expected, correlate(tuple(records), dialect, its), dialect, rules.redaction):
        tally.note(change)
    wanted = {row["n"]["old"] for row in tally.rows}
    old = _part(cassettes, expected, dialect, name, wanted)
    (new,) = report.parts([report.Source(live.name, its, records, dialect)], most=selection.MOST)
    drawn = orders(expected, dialect, kept) if kept is not None else None
    document = report.comparison(old, new, f"{name} → {live.name}", tally.rows, drawn)
    told = ["live values are redacted by the policy of the cassette"]
    told += [f"shows the first {len(tally.rows):,} of {tally.total:,} differences"] * (tally.total > len(tally.rows))
    told += [f"the last {live.left_out:,} requests and answers of the test are left out"] * bool(live.left_out)
    return page(document, f"{'; '.join([*told, *filter(None, [report.left_out([old, new])])])}.")


@dataclass(frozen=True, slots=True)
class _Masking:
    """A callback of a finder: of a live value the pseudonym that the cassette has for it, or else a new one.

    Attributes:
        made: Makes new ones.
        stays: The pseudonyms of the cassette, which the stand-in sends.
        known: Live values, each with the recorded value that it stands for.

    """

    made: Pseudonyms
    stays: Container[str]
    known: Mapping[str, str]

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # a `Replace`
        if value in self.stays or has_free_form(kind, value):
            return value
        its = self.known.get(value, "")
        return its if its in self.stays else self.made.of(kind, value)


def _masked(records: Sequence[Record], policy: Policy, masking: _Masking) -> list[Record]:
    """Return records redacted, from time 0 on; what is learned in one is found in those before it."""
    began = records[0].t if records else 0
    known, own = Known(), [_without_summary(record) for record in records]
    learning, replacing = Finder(policy, same, known), Finder(policy, masking, known)
    for record in own:
        redacted(record, learning)
    return [replace(redacted(record, replacing), t=record.t - began) for record in own]


def _without_summary(record: Record) -> Record:
    """Return the answer to a miss without the header that repeats its text: no policy knows it, so it is a secret."""
    if not isinstance(record, Response) or record.status != STATUS:
        return record
    return replace(record, headers=tuple(pair for pair in record.headers if pair[0] != HEADER))


def _part(
    cassettes: Sequence[Path], expected: Recording, dialect: Dialect, name: str, wanted: Container[int]
) -> report.Part:
    """Return what a page shows of the cassettes: of one all, with its polls; of several their triples and events."""
    if len(cassettes) == 1:
        with open_cassette(cassettes[0]) as cassette:
            source = report.Source(name, cassette.header, cassette.records(), dialect)
            return report.parts([source], most=selection.MOST, wanted=[wanted])[0]
    return report.of_recording(name, expected, dialect)
