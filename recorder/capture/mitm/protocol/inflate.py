"""Limit the size of inflated WebSocket messages (permessage-deflate). wsproto has no limit: 64 KB may become 64 MB."""

from __future__ import annotations

import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol

from ...streams import KEPT


class Inflate(PerMessageDeflate):
    """permessage-deflate that closes the socket with code 1009 if a message inflates to more than `limit` bytes.

    The socket must be closed, because mitmproxy cannot forward a message that it did not inflate.
    """

    limit = KEPT
    _size = 0  # bytes inflated of the current message

    def frame_inbound_payload_data(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002  # wsproto's signature
        data: bytes,
    ) -> bytes | CloseReason:
        """Inflate a piece of a frame, at most one byte more than the limit of its message."""
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
        """Take the end of a frame; with `fin` the message ends too, and the count of its bytes starts again."""
        if fin and self._inbound_is_compressible:
            self._size = 0
        return super().frame_inbound_complete(proto, fin)
