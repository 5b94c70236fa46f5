"""Schedules and how they are played."""
