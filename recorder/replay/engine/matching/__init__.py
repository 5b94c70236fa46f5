"""Find the recorded request that a live one is."""
