"""Know when a virtual clock may move, and what is waited for no longer."""
