"""The places of values inside texts of all forms, and how to write another value there."""
