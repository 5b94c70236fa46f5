"""Tests of `recorder.suggest.reading`."""
