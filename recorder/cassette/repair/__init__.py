"""Find what is left of a damaged cassette, and write it to a new one."""
