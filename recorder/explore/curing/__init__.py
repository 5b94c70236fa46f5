"""Find what is to be different for a client to pass that fails in the recorded order."""
