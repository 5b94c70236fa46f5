"""Index a recording for replays, so that requests are matched without reading it."""
