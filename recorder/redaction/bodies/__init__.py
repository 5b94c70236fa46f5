"""One reader per body form: each gives the named values of a text to the same callbacks, and keeps all other bytes."""
