"""Record into a cassette through your own mitmproxy.

mitmdump -s addons/record.py --set cassette=session.cassette --mode reverse:http://gws.example:8090
"""

from recorder.capture.mitm.addon import Recorder

addons = [Recorder()]
