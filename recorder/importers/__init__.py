"""Read files of other tools into the frames of a cassette."""
