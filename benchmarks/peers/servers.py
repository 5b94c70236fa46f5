"""Stand-ins of other makers as child processes."""

from __future__ import annotations

from pathlib import Path

PACKAGES = Path(__file__).with_name("node_modules")
