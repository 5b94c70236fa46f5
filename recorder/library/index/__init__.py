"""Derive, write, read and check the index of a recording: all that is stored beside its facts."""
