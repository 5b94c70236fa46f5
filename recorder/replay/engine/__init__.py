"""The stand-in without I/O: requests, times and ids come in as arguments, responses go out as values."""
