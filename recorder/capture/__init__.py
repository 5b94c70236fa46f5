"""Recording: from what the proxy sees to redacted frames on disk."""
