"""The diff of two recordings: no error, and nothing differs between a recording and itself."""

from __future__ import annotations

from recorder.correlate.engine import correlate
from recorder.diff.differences import Latency, differences
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from recorder.views.difference import as_json, text
from tests.fuzz.drawing import Draw
from tests.fuzz.scripts import played
from tests.wire import HEADER

from .correlator import DIALECTS

POLICY = load()
SECONDS = 2.0


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    dialect, half = draw.pick(DIALECTS), len(data) // 2
    latency = draw.pick((None, Latency(share=0.5), Latency(ms=200.0)))
    old, new = played(Draw(data[3:half])).records, played(Draw(data[half:])).records
    if draw.byte() % 2:
        redactor = Redactor(POLICY, bytes(32))
        old, new = list(map(redactor.redact, old)), list(map(redactor.redact, new))
    one, other = correlate(old, dialect, HEADER), correlate(new, dialect, HEADER)

    changes = list(differences(one, other, dialect, POLICY, latency))
    as_json(changes)
    "".join(text(changes, "a", "b"))
    assert list(differences(one, one, dialect, None, latency)) == []
