from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import FORMAT, encode_header
from recorder.cassette.migrate import STEPS, migrate
from recorder.errors import CassetteError
from tests.cassette.records import HEADER


def test_there_is_a_step_from_every_older_format() -> None:
    assert sorted(STEPS) == list(range(1, FORMAT))


def test_a_current_cassette_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(encode_header(HEADER))

    assert migrate(tmp_path / "s", tmp_path / "new") == FORMAT
    assert not (tmp_path / "new").exists()


def test_a_newer_cassette_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(encode_header(replace(HEADER, format=FORMAT + 1)))

    with pytest.raises(CassetteError, match=rf"written in format {FORMAT + 1}.*upgrade"):
        migrate(tmp_path / "s", tmp_path / "new")


def test_what_is_no_cassette_is_not_migrated(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"text")

    with pytest.raises(CassetteError, match="not a cassette"):
        migrate(tmp_path / "s", tmp_path / "new")
