"""Harnesses of what reads texts that users write, and of what changes texts."""
