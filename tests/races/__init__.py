"""Clients with a race in them, each beside its right version: what a search of schedules has to find, and what not."""
