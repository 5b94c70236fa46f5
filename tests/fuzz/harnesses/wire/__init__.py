"""Harnesses of what reads bytes of clients and servers."""
