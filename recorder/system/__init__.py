"""Hide what differs between Linux, macOS and Windows: locks, open files, rights, signals, limits.

No other package asks which system this is, and none uses a function or a flag that one of the three lacks;
docs/systems.md says what differs for the user.
"""

import os

IS_WINDOWS = os.name == "nt"
