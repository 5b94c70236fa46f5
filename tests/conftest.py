"""Tests that need Node run where it is; elsewhere they are left out by name, and with CI=true that is a failure."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.lab.lab import available

# a busy machine may stop a test for longer than the 200 ms an example has by default
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    needing = [item for item in items if item.get_closest_marker("node")]
    missing = available() if needing else None
    if missing is None:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"{len(needing)} tests need Node: {missing}")
    for item in needing:
        item.add_marker(pytest.mark.skip(reason=f"needs Node: {missing}"))
