"""The search for an order that a client bears where it fails in the recorded one."""
