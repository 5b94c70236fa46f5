"""One environment with the wheel, for all pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wheel import build, environment, install, requirements_of


@pytest.fixture(scope="session")
def wheel_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel with all extras its users may ask for, and pytest."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build(folder)
    needed = requirements_of(wheel, "record", "demo", "drive", "archive", "load", "catalogue", "hypothesis")
    python = environment(folder / "venv", *needed, "pytest", "pip")
    install(python, wheel)
    return python.parent
