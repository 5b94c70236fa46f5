"""The front of the drive: it sends, hears and keeps time, and records what is on the wire."""
