"""mitmdump as a module, for the profiler: `python -m benchmarks.mitmdump …`."""

from __future__ import annotations

from mitmproxy.tools.main import mitmdump
from mitmproxy.utils import debug

if __name__ == "__main__":
    debug.register_info_dumpers = lambda: None  # the signal it takes is the profiler's
    mitmdump()
