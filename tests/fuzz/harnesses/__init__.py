"""The harnesses: a module for each, with `TestOneInput(data: bytes)`, which raises where something is wrong.

`TOKENS` are texts that inputs may hold; `SECONDS` how long one input may take where a second is too little. A harness
that talks to a process of its own has `attack(seconds, seed)` instead, which returns inputs and findings.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType


def names() -> dict[str, str]:
    """Return all harnesses: the module of each, by name."""
    found = pkgutil.walk_packages(__path__, f"{__name__}.")
    return {one.name.rpartition(".")[2]: one.name for one in found if not one.ispkg}


def load(name: str) -> ModuleType:
    """Import a harness."""
    return import_module(names()[name])
