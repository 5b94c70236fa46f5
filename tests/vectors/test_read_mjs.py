"""A reader in another language, written from docs/format.md alone, sees what the vectors say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.vectors.seen import sampled

HERE = Path(__file__).parent
NAMES = sorted(f"{path.parent.name}/{path.stem}" for path in HERE.glob("v[12]/*.json"))


@pytest.mark.node
@pytest.mark.once
@pytest.mark.parametrize("name", NAMES)
def test_the_reader_sees_what_a_vector_says(name: str) -> None:
    expected = json.loads((HERE / f"{name}.json").read_text())
    keys = expected.pop("keys")
    command = ["node", HERE / "read.mjs", HERE / f"{name}.cassette", *keys]

    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (HERE / "node_modules" / "fzstd").is_dir(), f"run `npm ci` in {HERE.name}"
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    found |= {"about": expected["about"], "records": sampled(found["records"]), "triples": sampled(found["triples"])}
    assert found == expected


def test_the_reader_has_about_100_lines() -> None:
    assert len((HERE / "read.mjs").read_text().splitlines()) <= 118
