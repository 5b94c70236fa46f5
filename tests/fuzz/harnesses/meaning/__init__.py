"""Harnesses of what makes sense of records."""
