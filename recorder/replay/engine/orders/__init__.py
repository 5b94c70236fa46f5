"""Play a recording in another order than the recorded one, as a schedule says."""
