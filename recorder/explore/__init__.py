"""Find the order of answers and events that a client does not bear: draw schedules, judge them, shrink them."""
