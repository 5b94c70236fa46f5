"""Layers in place of those of mitmproxy that leave exchanges hanging or grow without bound."""
