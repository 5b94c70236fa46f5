"""The client's side of a recording, played by cause against a server."""
