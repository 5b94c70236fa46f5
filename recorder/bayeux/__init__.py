"""The Bayeux protocol, sans-IO: messages, channels, the server's side of a session, and what an observer can tell."""
