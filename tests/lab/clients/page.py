"""The desktop on CometD 9 as a page of a headless Chromium, of another origin than the server."""

from __future__ import annotations

import json
import sys

from tests.lab.browser import browsing, play_in_page, serving_pages

with browsing() as chromium, serving_pages() as origin:
    for line in play_in_page(chromium, origin, sys.argv[1], json.load(sys.stdin)):
        print(json.dumps(line))
