"""Compare two recordings of a session, without what differs in every recording (ids, times, pseudonyms)."""
