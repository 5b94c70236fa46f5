"""Decode push of any protocol from records: one port, and an adapter each for Bayeux, event streams and WebSockets."""
