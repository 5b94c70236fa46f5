"""Count what is in cassettes."""
