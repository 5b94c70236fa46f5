"""Read cassettes as requests, answers and events with flat values."""
