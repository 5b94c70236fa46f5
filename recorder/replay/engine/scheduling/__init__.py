"""Decide what leaves next, and when."""
