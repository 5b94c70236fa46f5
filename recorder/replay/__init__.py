"""Replay by cause: a recording stands in for its server."""
