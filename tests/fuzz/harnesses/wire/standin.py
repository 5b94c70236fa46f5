"""A real stand-in and hostile clients; see tests/fuzz/fuzz_standin.py."""

from __future__ import annotations

from tests.fuzz.fuzz_standin import fuzz as attack

__all__ = ["attack"]
