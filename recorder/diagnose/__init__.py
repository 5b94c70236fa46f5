"""Find damage and contradictions in cassettes and sessions, and explain why an event belongs to its request."""
