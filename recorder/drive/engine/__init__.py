"""The drive without input and output: what leaves when, under which values, and what came of it."""
