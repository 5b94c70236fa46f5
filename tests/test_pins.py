"""The pins of constraints.txt are what is installed, and none is below a known floor without a reason."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]
FLOORS = tomllib.loads((ROOT / "tests" / "floors.toml").read_text())["floor"]
ELSEWHERE = {
    "atheris": "the extra `fuzz`, which has no wheels for the newest Python",
    "editables": "builds the editable install, in an environment of its own",
}


def pinned(pin: Requirement) -> str:
    (only,) = pin.specifier
    assert only.operator == "=="
    return only.version


@pytest.mark.parametrize("pin", PINS, ids=str)
def test_what_is_installed_is_what_is_pinned(pin: Requirement) -> None:
    try:
        installed = version(pin.name) if pin.marker is None or pin.marker.evaluate() else pinned(pin)
    except PackageNotFoundError:
        installed = pinned(pin) if pin.name in ELSEWHERE else "not installed: remove the pin, or say where it is"

    assert installed == pinned(pin)


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: f"{floor['package']}-{floor['version']}")
def test_no_pin_is_below_a_known_floor_without_a_reason(floor: dict[str, Any]) -> None:
    pins = [pinned(pin) for pin in PINS if pin.name == floor["package"]]
    below = {pin for pin in pins if Version(pin) < Version(floor["version"])}

    assert pins != []
    assert below == set(floor.get("below", {})), f"{floor['advisory']}: {floor['what']}"
    assert all(floor[name] for name in ("advisory", "what", "source"))


def test_values_are_unpacked_one_by_one_so_no_unpacker_is_used_after_an_error() -> None:
    """The reason why the pin of msgpack may stay below its floor."""
    text = (ROOT / "recorder/cassette/packing.py").read_text()  # ruff keeps msgpack out of all other modules
    used = set(re.findall(r"\bmsgpack\.(\w+)", text))

    assert used == {"Packer", "exceptions", "unpackb"}
