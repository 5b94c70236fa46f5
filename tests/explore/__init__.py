"""The search for races."""
