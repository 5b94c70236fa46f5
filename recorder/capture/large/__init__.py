"""Records with large bodies: redacted apart from all others, and shown in short to those who watch a capture."""
