"""Implement `recorder record`. Only the command imports this package, when it runs: it imports mitmproxy."""
