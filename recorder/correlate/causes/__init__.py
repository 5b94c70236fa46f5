"""Find the requests that caused events."""
