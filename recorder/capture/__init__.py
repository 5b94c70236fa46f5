"""Record the traffic that passes the proxy: exchanges and socket messages become redacted frames on disk."""
