"""The front of a stand-in: sockets, clock, limits, CORS and the control API."""
