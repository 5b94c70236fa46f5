"""Cassettes as recordings: load, seal, slice, merge, and look triples up."""
