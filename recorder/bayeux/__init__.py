"""Implement the Bayeux protocol, sans-IO: messages, channels, the sessions of a server, and its extensions."""
