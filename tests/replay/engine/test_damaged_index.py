"""A stand-in over a cassette whose index was changed, with all checksums made right, gives an error that names it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from recorder.dialect.definition import load
from recorder.errors import CassetteError
from recorder.library.lazy import open_recording
from recorder.redaction.joins import of_cassette
from recorder.replay.engine.anchored import Anchored
from recorder.replay.engine.matching.matcher import Matcher
from recorder.requests.index.making import index_of
from tests.library.index.mutations import changed, make, mutated, pages

GWS = load()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make(tmp_path_factory.mktemp("whole")).read_bytes()


def look_all_up(path: Path) -> int:
    """Look up each request and each event as a stand-in does; return how many were refused."""
    refused = 0
    with open_recording(path) as found:
        recording = found.recording
        policy = of_cassette(recording.header)
        index = index_of(recording, GWS, policy)
        known, anchored = Matcher(recording, GWS, policy, index=index), Anchored(recording, index)
        for place, triple in enumerate(known.triples):
            request = triple.request
            try:
                live = known.call(request.method, request.target, request.body)
                for one in known.alternatives(live).places():
                    known.entries[one]
                known.session_of(place)
                anchored.after(place)
            except CassetteError:
                refused += 1
        with suppress(CassetteError):
            list(anchored.all())
    return refused


@pytest.mark.parametrize("table", ["requests", "anchors", "matching"])
def test_a_changed_row_is_refused_where_it_is_met(table: str, whole: bytes, tmp_path: Path) -> None:
    path, refused = tmp_path / "s.cassette", 0

    for seed in range(14):
        path.write_bytes(mutated(whole, pages(whole, table), seed))
        with suppress(CassetteError):  # of what is read at once
            refused += look_all_up(path)

    assert refused > 0 or table == "matching"


def test_a_summary_without_what_it_should_hold_is_refused(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    at = next(begin + whole[begin:end].index(b'"sessions"') for begin, end in pages(whole, "matching"))
    path.write_bytes(changed(whole, at + 1, b"S"))

    with pytest.raises(CassetteError, match=r"the index names sessions in its summary, which is not there \(run rec"):
        look_all_up(path)
