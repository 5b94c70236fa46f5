"""Files of other tools, read into the frames of a cassette."""
