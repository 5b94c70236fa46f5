"""Recordings, written for other tools."""
