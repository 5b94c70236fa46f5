"""From records to triples: which request caused which events, by rules that come from a dialect."""
