from __future__ import annotations

import json
import math
from typing import Any

import duckdb
import pytest

from recorder.fleet.query.values import cell, exact, is_number, text

# SQL of a value → its JSON, its text in a CSV, its cell in a table
VALUES = {
    "NULL": (None, "", "-"),
    "true": (True, "true", "true"),
    "42": (42, "42", "42"),
    "9223372036854775807": (9223372036854775807, "9223372036854775807", "9223372036854775807"),
    "170141183460469231731687303715884105727::HUGEINT": (2**127 - 1, str(2**127 - 1), str(2**127 - 1)),
    "1.5::DOUBLE": (1.5, "1.5", "1.5"),
    "0.1::DOUBLE + 0.2": (0.30000000000000004, "0.30000000000000004", "0.3"),
    "2e-7::DOUBLE": (2e-07, "2e-07", "2e-07"),
    "1e300::DOUBLE": (1e300, "1e+300", "1e+300"),
    "'nan'::DOUBLE": ("NaN", "NaN", "NaN"),
    "'-inf'::FLOAT": ("-Infinity", "-Infinity", "-Infinity"),
    "1.50::DECIMAL(10, 2)": (1.5, "1.5", "1.5"),
    "7.00::DECIMAL(10, 2)": (7, "7", "7"),
    "12345678901234567890.123::DECIMAL(30, 3)": (
        "12345678901234567890.123", "12345678901234567890.123", "1.23457e+19",
    ),
    "'a\\nb'": ("a\\nb", "a\\nb", "a\\nb"),
    "TIMESTAMP '2026-01-02 03:04:05.678'": (
        "2026-01-02T03:04:05.678000Z", "2026-01-02T03:04:05.678000Z", "2026-01-02 03:04:05.678000",
    ),
    "TIMESTAMP '2026-01-02'": ("2026-01-02T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z", "2026-01-02"),
    "TIMESTAMPTZ '2026-06-01 12:00:00+02'": (
        "2026-06-01T10:00:00.000000Z", "2026-06-01T10:00:00.000000Z", "2026-06-01 10:00:00",
    ),
    "DATE '2026-01-02'": ("2026-01-02", "2026-01-02", "2026-01-02"),
    "DATE '20000-01-02'": ("20000-01-02", "20000-01-02", "20000-01-02"),
    "TIME '12:00'": ("12:00:00", "12:00:00", "12:00:00"),
    "INTERVAL '1 day 2 seconds'": (86402.0, "86402.0", "1 day, 0:00:02"),
    "'\\xAA\\x01'::BLOB": ("aa01", "aa01", "aa01"),
    "[1.5::DOUBLE, NULL, 'nan'::DOUBLE]": ([1.5, None, "NaN"], '[1.5, null, "NaN"]', "[1.5, -, NaN]"),
    "{'a': [DATE '2026-01-02'], 'b': 1}": (
        {"a": ["2026-01-02"], "b": 1}, '{"a": ["2026-01-02"], "b": 1}', "{a: [2026-01-02], b: 1}",
    ),
    "MAP {1: 'x'}": ({"1": "x"}, '{"1": "x"}', "{1: x}"),
    "MAP {DATE '2026-01-02': 1}": ({"2026-01-02": 1}, '{"2026-01-02": 1}', "{2026-01-02: 1}"),
    "MAP {[1]: 2}": ({"key": [[1]], "value": [2]}, '{"key": [[1]], "value": [2]}', "{key: [[1]], value: [2]}"),
    "'4ac7a9e9-607c-4c8a-84f3-843f0191e3fd'::UUID": ("4ac7a9e9-607c-4c8a-84f3-843f0191e3fd",) * 3,
    "'0101'::BIT": ("0101", "0101", "0101"),
    "'{\"a\": 1}'::JSON": ('{"a": 1}', '{"a": 1}', '{"a": 1}'),
    "union_value(k := 1)": (1, "1", "1"),
    "[1, 2]::INT[2]": ([1, 2], "[1, 2]", "[1, 2]"),
}  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@pytest.mark.parametrize("sql", VALUES)
def test_a_value_has_its_json_its_text_and_its_cell(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    ((value,),) = connection.execute(f"SELECT {sql}").fetchall()

    assert (exact(value), text(value), cell(value)) == VALUES[sql]


@pytest.mark.parametrize("sql", VALUES)
def test_json_is_valid_without_the_words_of_python(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    ((value,),) = connection.execute(f"SELECT {sql}").fetchall()

    assert json.loads(json.dumps(exact(value), allow_nan=False)) == exact(value)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.001, 0.0009, -1234.5678, 1e15, 123456789.0, math.pi])
def test_a_short_number_is_near_the_number(value: float) -> None:
    assert float(cell(value)) == pytest.approx(value, rel=1e-5, abs=5e-4)


def test_numbers_are_told_from_texts_and_lists() -> None:
    kinds: list[Any] = [
        "BIGINT",
        "UHUGEINT",
        "DECIMAL(10,2)",
        "DOUBLE",
        "VARCHAR",
        "DOUBLE[]",
        "TIMESTAMP",
        "INTEGER[3]",
    ]

    assert is_number(kinds) == [True, True, True, True, False, False, False, False]
