"""What is wrong with a cassette or a session, and why an event belongs to its request."""
