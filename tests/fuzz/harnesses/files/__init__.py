"""Harnesses of what reads files."""
