"""The lines about a recording that runs, before and after its dialect is known."""

from __future__ import annotations

import pytest

from recorder.cli.recording.display import Display
from recorder.dialect.definition import load
from recorder.dialect.fitting import every
from recorder.model import Record
from tests.wire import Wire, complete, record_event


def records() -> list[Record]:
    wire = Wire()
    wire.desk().asks(complete(reference="1"), record_event("RecordProcessedAcknowledge", reference="1"))
    return list(wire.records)


def test_operations_that_ended_before_the_dialect_is_known_are_shown_then(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display("plain")
    for record in records():
        display.feed(record)
    before = capsys.readouterr().err
    display.use(load())

    assert before == ""
    assert "CompleteRecord" in capsys.readouterr().err


def test_operations_are_those_of_the_dialect(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display("plain")
    display.use(next(one for one in every() if one.name != load().name))
    for record in records():
        display.feed(record)

    assert capsys.readouterr().err == ""
    assert display.summary() == ["0 operations ended"]


def test_nothing_is_kept_or_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display("none")
    for record in records():
        display.feed(record)
    display.use(load())

    assert capsys.readouterr().err == ""
    assert display.summary() == []
