"""Which addons of mitmproxy are imported, and that they are mitmproxy's own."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

pytest.importorskip("mitmproxy.addons")  # an extra: the suite runs without it too

import mitmproxy.addons

from recorder.capture.mitm import carriers

PROGRAM = """
import sys
from recorder.capture.mitm import proxy

print(sorted({"flask", "ldap3", "mitmproxy.addons.script"} & set(sys.modules)))

import mitmproxy.addons

every = {type(addon) for addon in mitmproxy.addons.default_addons()}
kept = {proxy.core.Core, proxy.next_layer.NextLayer, proxy.proxyserver.Proxyserver, proxy.tlsconfig.TlsConfig}
print(len(every) > 25, kept <= every, mitmproxy.addons.core is proxy.core)
"""


def test_a_recorder_loads_only_the_addons_that_carry_traffic() -> None:
    printed = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines() == ["[]", "True True True"]


def test_addons_that_are_loaded_are_left_alone() -> None:
    importlib.reload(carriers)

    assert sys.modules["mitmproxy.addons"] is mitmproxy.addons
    assert mitmproxy.addons.core is carriers.core
