from __future__ import annotations

from hypothesis import settings

# a busy machine may stop a test for longer than the 200 ms an example has by default
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
