"""The tables of a catalogue are those that its page describes, and files have just these columns."""

from __future__ import annotations

import pyarrow as pa

from recorder.fleet.catalogue.schema import CASSETTES, EVENTS, PARTITIONS, TABLES, TRIPLES, arrow


def test_columns_of_the_path_are_not_in_the_files() -> None:
    assert {*TRIPLES.columns} - {*TRIPLES.stored} == {one for one in TRIPLES.columns if one.name in PARTITIONS}
    assert CASSETTES.stored == CASSETTES.columns


def test_each_table_has_a_schema_of_arrow() -> None:
    assert {name: len(arrow(table)) for name, table in TABLES.items()} == {
        name: len(table.stored) for name, table in TABLES.items()
    }
    assert arrow(EVENTS).field("time").type == pa.timestamp("us")
    assert arrow(TRIPLES).field("ids").type == pa.list_(pa.string())
    assert arrow(CASSETTES).field("days").type == pa.list_(pa.date32())


def test_a_column_that_may_be_null_is_not_required() -> None:
    assert arrow(TRIPLES).field("ack_ms").nullable
    assert not arrow(TRIPLES).field("n").nullable
