"""Tests of `recorder.suggest.causing`."""
