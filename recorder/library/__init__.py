"""Work with cassettes as recordings: load, seal, slice, merge, and look up triples."""
