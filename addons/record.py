"""Record through a mitmproxy of your own.

mitmdump -s addons/record.py --set cassette=session.cassette --mode reverse:http://gws.example:8090
"""

from recorder.capture.mitm.addon import Recorder

addons = [Recorder()]
