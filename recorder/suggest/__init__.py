"""Derive a dialect from recorded traffic."""

from .derive import Suggestion, suggest

__all__ = ["Suggestion", "suggest"]
