"""A sealed cassette is played as the recording in memory is, though its triples are read when they are played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.correlate.engine import Correlator
from recorder.dialect.definition import load
from recorder.errors import CassetteError
from recorder.library.lazy import open_recording
from recorder.library.sealing import write_sealed
from recorder.model import Entries, Header, Recording, RecordingIndex
from recorder.redaction.carried import carrying
from recorder.redaction.joins import of_cassette
from recorder.redaction.policy import load as load_policy
from recorder.redaction.redactor import Redactor
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.requests.index.rows import REQUESTS, WIDTH, MemoryTable, RequestRow
from tests.replay.engine.test_invariance import STEPS, run
from tests.replay.recordings import conversations
from tests.replay.stage import Stage
from tests.requests.test_remembered import PLACES, named
from tests.wire import HEADER, Wire, chained, done

GWS = load()
REDACTED = replace(HEADER, redaction="gws")


@contextmanager
def sealed(wire: Wire, header: Header = HEADER) -> Iterator[Recording]:
    """The recording of a sealed cassette with an index, however few records it has."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("recorder.cassette.sealed.INDEX_FROM", -1)
        path = Path(folder) / "session.cassette"
        with path.open("w+b") as file:
            write_sealed(file, carrying(replace(header, profile="sealed")), iter(wire.records), Correlator(GWS))
        with open_recording(path) as opened:
            assert opened.is_stored
            yield opened.recording


@given(conversations(), STEPS, st.sampled_from([1.0, INSTANT]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_script_gives_the_same_bytes(wire: Wire, steps: list[tuple[str, int, int]], rate: float) -> None:
    with sealed(wire) as recording:
        assert run(recording, steps, rate) == run(wire.recording(), steps, rate)


@pytest.mark.parametrize("place", ["path", "query", "member", "base64", "xml", "form"])
def test_a_value_that_redaction_remembered_is_found_beside_the_places_of_rules(place: str) -> None:
    wire = Wire()
    desk = wire.desk()
    asks = [named("Offer-2026-77"), PLACES[place]("Offer-2026-77"), PLACES[place]("Quote-1999-31")]
    for ask in asks:
        wire.ack(wire.request(ask.method, ask.target, ask.body, desk.headers))
    wire.records = list(map(Redactor(load_policy(), b"k" * 32).redact, wire.records))
    live = [named("Order-3055-12"), PLACES[place]("Order-3055-12"), PLACES[place]("Quote-1999-31")]

    with sealed(wire, REDACTED) as recording:
        stage = Stage(recording, redaction=of_cassette(recording.header, described=True))
        desktop = stage.desk()
        for ask in live:
            desktop.sends(ask.method, ask.target, ask.body, ())

    assert stage.misses == []


def test_nothing_is_read_before_the_first_request() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "recorded"), done(7, "recorded"))
    with sealed(wire) as recording:
        unread = replace(recording, triples=Unread(recording.triples), plain=Unread(recording.plain))
        engine = ReplayEngine(replace(unread, unsolicited=Unread(recording.unsolicited)), GWS, new_id=lambda: "id")

        told = [*engine.foreign.lines(), *engine.fixed_dates]

    assert (told, engine.largest[0] > 0, engine.unplayed) == ([], True, (1,))


def test_a_row_of_another_request_is_an_error_that_names_doctor() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "recorded"), done(7, "recorded"))
    desk.asks(chained(8, "recorded"), done(8, "recorded"))
    with sealed(wire) as recording:
        assert recording.index is not None
        swapped = replace(recording, index=Swapped(recording.index))
        desktop = Stage(swapped).desk()

        with pytest.raises(CassetteError, match=r"the index of requests does not fit triple 2.*doctor"):
            desktop.posts(chained(7, "live"))


def test_rows_of_other_rules_are_made_anew() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "recorded"), done(7, "recorded"))
    with sealed(wire) as recording:
        stage = Stage(recording, dialect=replace(GWS, text="other"), redaction=load_policy())
        desk = stage.desk()
        desk.listens()
        desk.posts(chained(7, "live"))

    assert (stage.misses, desk.references) == ([], ["live"])


class Unread(Sequence[Any]):
    """A sequence that nobody may read."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, place: Any) -> Any:
        raise AssertionError(f"item {place} was read")


class Swapped:
    """An index whose rows of the first two requests have changed their places."""

    clients: Sequence[str] = ()

    def __init__(self, index: RecordingIndex) -> None:
        self._index = index

    def table(self, name: str) -> Entries:
        table = self._index.table(name)
        if name != REQUESTS:
            return table
        rows = [RequestRow.of(table[place]) for place in range(len(table))]
        return MemoryTable(WIDTH[REQUESTS], sorted(row._replace(place=1 - row.place).packed() for row in rows))
