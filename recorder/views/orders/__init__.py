"""Draw the order of a recording beside the order in which it was played."""
