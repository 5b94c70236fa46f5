"""Find which request caused which event, and what names requests and events."""
