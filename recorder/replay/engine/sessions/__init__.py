"""Know the live sessions, how far each has got, and whose a request is."""
