"""Find the links in texts, and lead those to known servers elsewhere. The recorder and the stand-in both do this."""
