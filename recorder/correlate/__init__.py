"""Derive triples from records: link each event to the request that caused it, by the rules of a dialect."""
