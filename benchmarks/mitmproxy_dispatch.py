"""addons/record.py, but mitmproxy goes on asking all of its addons: what recording itself costs."""

from __future__ import annotations

from recorder.capture.mitm import addon

addon.ask_listeners_only = lambda _: None  # type: ignore[assignment]  # it is to do nothing here

addons = [addon.Recorder()]
