"""permessage-deflate with a limit: wsproto inflates a message whatever its size, and 64 KB may be 64 MB of it."""

from __future__ import annotations

import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol

from ..streams import KEPT


class Inflate(PerMessageDeflate):
    """Ends a socket with 1009 at a message that is larger than `limit` bytes when it is inflated.

    mitmproxy cannot hand on what it did not inflate, so a socket with such a message cannot go on.
    """

    limit = KEPT
    _size = 0  # bytes of the message that is coming in

    def frame_inbound_payload_data(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002  # wsproto's signature
        data: bytes,
    ) -> bytes | CloseReason:
        """Inflate a piece of a frame."""
        if not self._inbound_compressed or not self._inbound_is_compressible or self._decompressor is None:
            return data
        try:
            piece = self._decompressor.decompress(bytes(data), self.limit - self._size + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._size += len(piece)
        return CloseReason.MESSAGE_TOO_BIG if self._size > self.limit else piece

    def frame_inbound_complete(
        self,
        proto: FrameDecoder | FrameProtocol,
        fin: bool,  # noqa: FBT001  # wsproto's signature
    ) -> bytes | CloseReason | None:
        """The end of a frame; with `fin`, of a message."""
        if fin and self._inbound_is_compressible:
            self._size = 0
        return super().frame_inbound_complete(proto, fin)
