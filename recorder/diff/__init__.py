"""Compares two recordings of a session: what differs, beside what always does."""
