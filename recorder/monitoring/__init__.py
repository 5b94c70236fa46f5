"""Watch a stand-in or a recorder that runs for weeks: its health, its counters, and a log that can be rotated."""
