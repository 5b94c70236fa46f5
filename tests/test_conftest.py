"""The run of the tests themselves: it goes the same way again, and makes nothing several times."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

DRAW = """
import hashlib, sys
from hypothesis import given, strategies
import tests.conftest
for name in sys.argv[1:]:
    __import__(name)
seen = hashlib.sha256()

@given(strategies.text(), strategies.integers())
def drawn(text, number):
    seen.update(repr((text, number)).encode())

drawn()
print(seen.hexdigest())
"""


@pytest.mark.once
def test_with_ci_the_examples_of_a_property_do_not_depend_on_what_else_is_loaded() -> None:
    alone, after_others = (
        subprocess.run(
            [sys.executable, "-c", DRAW, *names],
            env=os.environ | {"CI": "true"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for names in ([], ["recorder.redaction.finder", "recorder.cassette.codec"])
    )

    assert alone == after_others != ""


@pytest.fixture(scope="module")
def made() -> int:
    """Stand for what takes long to make."""
    return 1


def test_tests_that_share_a_fixture_are_given_to_one_worker(made: int, request: pytest.FixtureRequest) -> None:
    """Check that pytest-xdist sees the group; 3.8 does not in pytest 9.2 (pytest-dev/pytest-xdist#1386)."""
    grouped = request.config.getoption("loadgroup", default=False)

    assert request.node.nodeid.endswith("@tests.test_conftest") == bool(grouped)
