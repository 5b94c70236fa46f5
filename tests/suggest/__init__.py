"""Tests of what derives a dialect from traffic."""
