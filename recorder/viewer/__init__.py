"""Serve the page of recordings to the browser of this machine: the list of cassettes, their views, what is live."""
