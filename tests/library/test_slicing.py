from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.dialect.definition import load
from recorder.library import slicing
from recorder.library.lazy import open_recording
from recorder.library.recording import derive
from recorder.library.sealing import seal
from recorder.library.select import slice_records
from tests.wire import HEADER, Wire, campaign_event, chained, complete, done, get_me, state_event

SHIPPED = sorted((Path(__file__).parents[2] / "cassettes").glob("*.cassette"))


def sealed(path: Path) -> Path:
    with patch("recorder.cassette.sealed.INDEX_FROM", 0):
        seal(path, path)
    return path


def floor(path: Path) -> Path:
    """Desktops whose sessions, events and exchanges a slice must tell apart; one began before the capture."""
    wire = Wire()
    one, two = wire.desk("c1", cookies=(("Set-Cookie", "s=1"),)), wire.desk("c2", cookies=(("Set-Cookie", "s=2"),))
    for n in range(1, 7):
        desk, other = (one, two) if n % 2 else (two, one)
        cookie = (("Cookie", f"s={2 - n % 2}"),)
        wire.respond(desk.post(get_me(), cookie), {"statusCode": 0})
        post = desk.post(chained(n, f"r{n}"), cookie)
        wire.wait(0.1)
        wire.ack(post)
        desk.hears(done(n, f"r{n}"), state_event())
        other.hears(campaign_event("CampaignLoaded"), done(n, f"r{n}"))
        desk.asks(complete(n, f"x{n}"), state_event("Ready"))
        wire.respond(
            desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": f"/no/{n}"}),
            [{"channel": "/meta/subscribe", "clientId": desk.client_id, "successful": not n % 3, "error": "403::no"}],
        )
        wire.respond(wire.request("GET", "/alone", b""), b"x")
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))
    return path


def assert_alike(path: Path) -> None:
    """Each triple alone, each session, and some triples together give the same records with and without the index."""
    whole = read(path)
    recording = derive(whole)
    with open_recording(path) as found:
        if not slicing.is_indexed(found):
            pytest.skip("has operations that are messages")
        count = len(recording.triples)
        sessions = {triple.session for triple in recording.triples}
        choices = [[n] for n in range(1, count + 1)] + [list(range(1, count + 1)), list(range(1, count + 1, 3))]
        for session in sessions - {None}:
            own = [triple.n for triple in recording.triples if triple.session == session]
            assert slicing.of_session(found, session or "") == own
            choices.append(own)
        for numbers in choices:
            expected = list(slice_records(whole, recording, [recording.triples[n - 1] for n in numbers]))
            assert list(slicing.slice_by_index(found, [found.row(n) for n in numbers])) == expected


def test_the_index_leads_to_the_records_of_a_slice(tmp_path: Path) -> None:
    assert_alike(sealed(floor(tmp_path / "floor.cassette")))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_index_of_shipped_cassettes_leads_to_the_records_of_a_slice(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    shutil.copy(path, copy)

    assert_alike(sealed(copy))


CONDITIONS = [
    slicing.Conditions(None, None, None, {}),
    slicing.Conditions((range(1), range(2, 3), range(99, 10**18)), None, None, {}),
    slicing.Conditions(None, "GetChainedRecord", "s2", {}),
    slicing.Conditions(None, None, None, {"handle": "3"}),
    slicing.Conditions(None, "GetChainedRecord", None, {"reference": "r4", "handle": "4"}),
    slicing.Conditions(None, None, "s9", {}),
]


@pytest.mark.parametrize("conditions", CONDITIONS)
def test_a_journal_is_sliced_by_reading_it(conditions: slicing.Conditions, tmp_path: Path) -> None:
    path = floor(tmp_path / "floor.cassette")
    shutil.copy(path, tmp_path / "sealed.cassette")

    with open_recording(path, load()) as found, open_recording(sealed(tmp_path / "sealed.cassette"), load()) as index:
        numbers = list(slicing.matching(found, conditions))
        assert (slicing.is_indexed(found), slicing.is_indexed(index)) == (False, True)
        assert list(slicing.matching(index, conditions)) == numbers
        assert list(slicing.sliced(index, numbers)) == list(slicing.sliced(found, numbers))


def test_looking_up_what_is_stored_loads_no_correlator_and_no_finder() -> None:
    program = (
        "import sys, recorder.library.slicing, recorder.library.stored;"
        "print(sorted({'recorder.correlate.engine', 'recorder.redaction.finder', 'recorder.requests.request', 'ssl'}"
        " & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "[]\n"
