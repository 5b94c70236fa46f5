"""Requests of all forms, for property tests."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from .steps import FORM_TYPE, JSON_TYPE, XML_TYPE

PART = b'--x"y\r\nContent-Disposition: form-data; name="a"\r\n\r\n1001\r\n--x"y--\r\n'
FIELD = b'--B_7\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
JSON_PART = b'--B_7\r\nContent-Disposition: form-data; name="j"\r\nContent-Type: application/json\r\n\r\n'
FILE_PART = b'--B_7\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nContent-Type: image/png\r\n\r\n'
PARTS = b"".join([
    b"preamble\r\n",
    FIELD + b"1001\r\n",
    FIELD + b"1001 \xe2\x82\xac\r\n",
    JSON_PART + b'{ "id" :"1001" }\r\n',
    FILE_PART + b"\x89PNG\x00\r\n",
    b"--B_7--\r\nepilogue",
])  # fmt: skip
PARTS_TYPE = (("Content-Type", "multipart/form-data; boundary=B_7"),)
TEXT_TYPE = (("Content-Type", "text/plain; charset=iso-8859-1"),)

BODIES = st.one_of(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=40),
    st.lists(st.sampled_from([*"a&=%+<>/\"'{}[]:,1\\ \n", "é", "%C3%A9", "&amp;", "]]>", "<a>", "</a>"])).map(
        lambda parts: "".join(parts).encode()
    ),
    st.just(PARTS),
    st.just(PART),
)
MEDIA = st.sampled_from([(), JSON_TYPE, FORM_TYPE, XML_TYPE, PARTS_TYPE, TEXT_TYPE])
TARGETS = st.lists(st.sampled_from([*"/a?&=%+;é", "%C3%A9", "%2f", "%zz"])).map(lambda parts: "/" + "".join(parts))
