"""Tests of recorder.cassette.bulk."""
