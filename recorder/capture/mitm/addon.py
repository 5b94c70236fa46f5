"""Record traffic in a mitmproxy addon: each hook translates a flow and passes it to the pipeline.

A hook does not wait for the disk: frames go to the writer's queue, and a hook waits only while the queue is full. If
the capture can no longer be written, the proxy is stopped, because no traffic may pass unrecorded.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import wsproto.extensions
from mitmproxy import addonmanager, ctx, exceptions, http
from mitmproxy.net.http import url
from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.mode_specs import ReverseMode

from ...bayeux.hosts import redirected
from ...cassette.journal import Journal, create, resume
from ...cassette.reader import open_cassette
from ...cassette.writer import QUEUE, Fsync, Writer
from ...compression import TooLarge
from ...dialect.definition import DEFAULT, shipped
from ...errors import CaptureError, CassetteError, RecorderError, UsageError
from ...model import GAP, Header, Headers
from ...redaction.bodies.change import told
from ...redaction.bodies.encodings import NotUndone, content
from ...redaction.joins import for_dialect
from ...redaction.policy import DEFAULT as DEFAULT_POLICY
from ...redaction.policy import NO_POLICY, Policy, load
from ...redaction.redactor import Redactor
from ..comments import of_answer, of_request
from ..context import Context
from ..keys import read_key
from ..parts import Limits, part_path
from ..pipeline import Counts, Pipeline
from ..streams import KEPT, Kept, is_event_stream, is_small
from .dispatch import ask_listeners_only
from .inflate import Inflate
from .listening import exposed, keep_to_loopback

HOST = "outbound_recorder.host"  # metadata of a flow: the Host that the client sent

log = logging.getLogger(__name__)


class Recorder:
    """A mitmproxy addon that writes all traffic into a cassette.

    In-process, the path of the cassette is an argument; in a script (`mitmdump -s addons/record.py`) it is mitmproxy's
    option `cassette`. Without a policy all values are kept in the clear. Without a key a random one is used and never
    stored.

    Attributes:
        failure: Why the capture could not be kept, None as long as it could.

    """

    name = "outbound_recorder"

    def __init__(
        self,
        path: Path | None = None,
        *,
        upstream: str = "",
        dialect: str = DEFAULT,
        fsync: Fsync = Fsync.INTERVAL,
        policy: Policy | None = load(DEFAULT_POLICY),  # noqa: B008  # read once
        key: bytes | None = None,
        force: bool = False,
        append: bool = False,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        go_on_when_full: bool = False,
        queue_limit: int = QUEUE,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._is_script = path is None
        self._path, self._upstream, self._dialect = path, upstream, dialect
        self._fsync, self._force = fsync, force
        self._redact_by(policy, key)
        self._append, self._limits, self._go_on_when_full = append, limits, go_on_when_full
        self._queue_limit, self._clock = queue_limit, clock
        self._has_parts = limits != Limits()
        self._comments = self._keeps_host = False  # copies of mitmproxy's options: a lookup is slow
        self._pipeline: Pipeline | None = None
        self._writer: Writer | None = None
        self._ending: list[Writer] = []  # writers of earlier parts, which still write their queues
        self._part = 1
        self._streams: dict[str, tuple[http.HTTPFlow, Kept]] = {}  # open streams to the client, by flow
        self.failure: CaptureError | None = None

    @property
    def counts(self) -> Counts:
        """The numbers of requests, responses, failures and socket messages seen so far."""
        return self._pipeline.counts if self._pipeline else Counts()

    @property
    def remarks(self) -> list[str]:
        """Lines for the user about bodies seen so far: those not kept whole, and those not looked through."""
        if self._pipeline is None:
            return []
        cut = self._pipeline.counts.cut
        found = [f"{cut} {'body is' if cut == 1 else 'bodies are'} not kept whole; recorder doctor says which"] * (
            cut > 0
        )
        return found + told(self._pipeline.unlooked)

    @property
    def size(self) -> int:
        """Bytes in the current part of the cassette so far."""
        return self._writer.size if self._writer else 0

    @property
    def most_queued(self) -> int:
        """The most bytes of frames that waited for the disk at one time, in the current part."""
        return self._writer.most_queued if self._writer else 0

    def open(self) -> None:
        """Create the cassette, or open it to continue it, and start the writer.

        Raises:
            CassetteError: If the file to continue is damaged or is not a cassette.
            UsageError: If the file exists already, is being written, or cannot be written; or if the cassette to
                continue was recorded with another policy.
        """
        if self._path is None or self._writer is not None:
            return
        redactor, context = self._redactor, Context() if self._has_parts else None
        now = self._clock()
        if self._append and self._path.exists():
            journal, end = resume(self._path)
            if end.header.redaction != self._policy:
                journal.close()
                raise UsageError(
                    f"{self._path}: was recorded with redaction {end.header.redaction!r}; "
                    f"continue with that policy, or record into a new file"
                )
            # The clock of the earlier capture is gone, so the wall clock shows how much time has passed since it began;
            # `t` must still grow, even if the wall clock was set back.
            elapsed = max(end.t + 1, time.time_ns() - end.header.started * 1000)
            self._pipeline = Pipeline.resumed(redactor, now - elapsed, context, seq=end.seq, exchange=end.exchange)
        else:
            journal = create(self._path, self._header(), force=self._force, private=redactor is None)
            self._pipeline = Pipeline(redactor, now, context)
        self._writer = self._write_to(journal)
        if self._append:
            self._writer.offer(self._pipeline.note(now, "session", "a capture begins"))

    def close(self) -> None:
        """Write the queued frames and a note of the clean end, and close all parts. A second call does nothing.

        Raises:
            CaptureError: If the writer cannot write the rest.
        """
        if self._writer is None or self._pipeline is None:
            return
        writer, self._writer = self._writer, None
        try:
            for flow, _ in list(self._streams.values()):
                writer.offer(self._ended(flow, "the capture ended"))
            writer.offer(self._pipeline.note(self._clock(), "close", "the capture ended cleanly"))
        except CaptureError as exc:
            self._stop(exc)
        finally:
            for ending in (*self._ending, writer):
                ending.close()

    def _redact_by(self, policy: Policy | None, key: bytes | None) -> None:
        self._redactor = (
            None if policy is None else Redactor(for_dialect(policy, self._dialect), key or secrets.token_bytes(32))
        )

    @property
    def _policy(self) -> str:
        return NO_POLICY if self._redactor is None else self._redactor.policy.name

    def _write_to(self, journal: Journal) -> Writer:
        loop = asyncio.get_running_loop()
        return Writer(
            journal,
            fsync=self._fsync,
            limit=self._queue_limit,
            on_failure=lambda failure: loop.call_soon_threadsafe(self._stop, failure),
        )

    def _header(self) -> Header:
        return Header(
            started=time.time_ns() // 1000,
            upstream=self._upstream if self._redactor is None else self._redactor.text(self._upstream),
            dialect=self._dialect,
            redaction=self._policy,
        )

    def _next_part(self, pipeline: Pipeline, now: int) -> None:
        """Continue the capture in a new file; the writer of the old one finishes it in its own thread."""
        if self._path is None or self._writer is None:
            return
        self._part += 1
        while self._is_taken(part_path(self._path, self._part)):
            self._part += 1
        path = part_path(self._path, self._part)
        try:
            journal = create(path, self._header(), force=self._force, private=self._redactor is None)
        except RecorderError as exc:
            self._stop(CaptureError(str(exc)))
            return
        self._writer.finish()
        self._ending.append(self._writer)
        self._writer = self._write_to(journal)
        for frame in pipeline.next_part(now):
            self._writer.offer(frame)

    def _is_taken(self, path: Path) -> bool:
        """Return whether a new part must not replace a file: one that is no cassette, or any without `force`."""
        if not os.path.lexists(path):
            return False
        if not self._force:
            return True
        try:
            with open_cassette(path):
                return False
        except CassetteError:
            return True

    # -- mitmproxy's hooks

    def load(self, loader: addonmanager.Loader) -> None:
        """Declare the options that configure the addon in a script."""
        if self._is_script:
            keep_to_loopback(ctx.options)
            ask_listeners_only(ctx.master.addons)
        wsproto.extensions.PerMessageDeflate = Inflate  # type: ignore[misc]  # wsproto has no setting for this class
        loader.add_option("cassette", str, "", "Path of the cassette to write; the file must not exist yet.")
        loader.add_option("policy", str, "", "Redaction policy: a name or a file; none keeps all in the clear.")
        loader.add_option("recorder_comments", bool, False, "Comment flows by operation, handle, referenceId, events.")
        loader.add_option("redaction_key_file", str, "", "File with the key of the pseudonyms; made if missing.")
        self._take_options()

    def configure(self, updated: set[str]) -> None:
        """Apply changed options of mitmproxy, and open the cassette once its path is known.

        Raises:
            OptionsError: If the policy, the key file or the cassette cannot be used.
        """
        self._take_options()
        if "cassette" in updated and ctx.options.cassette:
            self._path = Path(ctx.options.cassette)
        if "mode" in updated and not self._upstream:
            modes = [mode for mode in ctx.options.mode if mode.startswith("reverse:")]
            self._upstream = modes[0].removeprefix("reverse:") if modes else ""
        try:
            self._redact_by_options(updated)
            self.open()
        except RecorderError as exc:
            raise exceptions.OptionsError(str(exc)) from exc

    def _take_options(self) -> None:
        self._comments = ctx.options.recorder_comments
        self._keeps_host = "keep_host_header" in ctx.options and ctx.options.keep_host_header

    def _redact_by_options(self, updated: set[str]) -> None:
        named, key_file = ctx.options.policy, ctx.options.redaction_key_file
        if not updated & {"policy", "redaction_key_file"} or not (named or key_file):
            return
        key = read_key(Path(key_file).expanduser()) if key_file else None
        self._redact_by(None if named == NO_POLICY else load(named or DEFAULT_POLICY), key)

    def running(self) -> None:
        """Log an error if no cassette is set, and a warning if other machines can connect."""
        for host in exposed(ctx.options) if self._is_script else []:
            log.warning("listening on %s, others can connect", host)
        if self._writer is None:
            log.error("nothing is recorded: set the option cassette, e.g. --set cassette=session.cassette")

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Remember the client's Host header, the name by which the client reaches this proxy.

        Without the option keep_host_header mitmproxy has replaced the header before any hook runs.
        """
        if self._keeps_host:
            flow.metadata[HOST] = flow.request.host_header

    async def request(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None:
            return
        now, headers = self._clock(), with_host(flow.request, _headers(flow.request.headers))
        body, lacks = self._content(flow.request, headers)
        if self._comments:
            flow.comment = flow.comment or of_request(
                shipped(self._dialect), flow.request.method, flow.request.path, body
            )
        await self._write(
            self._pipeline.request(
                flow.id,
                now,
                connection=flow.client_conn.id,
                method=flow.request.method,
                target=flow.request.path,
                headers=headers,
                body=body,
                lacks=lacks,
            )
        )

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Stream the response to the client if the client may need its beginning before its end."""
        if self._pipeline is None or flow.response is None or not self._pipeline.knows(flow.id):
            return
        answer = flow.response
        if answer.status_code != 101 and (answer.stream or self._is_stream(flow.id, _headers(answer.headers))):
            kept = Kept()
            answer.stream = kept.passes
            self._streams[flow.id] = flow, kept

    def _is_stream(self, flow: str, headers: Headers) -> bool:
        """Return whether a response must be streamed: server-sent events, or a large response to an API call.

        A response to Bayeux messages is never streamed: a client can use nothing of it before its end.
        """
        if is_event_stream(headers):
            return True
        return not is_small(headers) and self._pipeline is not None and self._pipeline.is_call(flow)

    async def response(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or flow.response is None or not self._pipeline.knows(flow.id):
            return
        if flow.id in self._streams:
            await self._write(self._ended(flow))
            return
        now, headers = self._clock(), _headers(flow.response.headers)
        body, lacks = self._content(flow.response, headers)
        if self._comments:
            flow.comment = flow.comment or of_answer(shipped(self._dialect), body)
        changed = redirected(body, _own_host(flow))
        if changed is not None:  # only the client's copy changes; the cassette keeps the server's bytes
            flow.response.content = changed
        status = flow.response.status_code
        await self._write(self._pipeline.response(flow.id, now, status=status, headers=headers, body=body, lacks=lacks))

    async def error(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or not self._pipeline.knows(flow.id):
            return
        reason = flow.error.msg if flow.error else "unknown"
        if flow.id in self._streams and flow.response and is_event_stream(_headers(flow.response.headers)):
            await self._write(self._ended(flow, reason))
            return
        # a broken response is recorded as a failure, because only an event stream is useful in part
        self._streams.pop(flow.id, None)
        await self._write(self._pipeline.failure(flow.id, self._clock(), reason))

    def _ended(self, flow: http.HTTPFlow, reason: str | None = None) -> bytes:
        """Return the frame of a streamed response, as far as its body is kept; `reason` says why it broke off."""
        _, kept = self._streams.pop(flow.id)
        if self._pipeline is None or flow.response is None:
            return b""
        whole, headers = flow.response.copy(), _headers(flow.response.headers)
        whole.raw_content = kept.body
        body, lacks = self._content(whole, headers)
        return self._pipeline.response(
            flow.id,
            self._clock(),
            status=whole.status_code,
            headers=headers,
            body=body,
            lacks=(reason or (f"{kept.lost} bytes more went to the client" if kept.lost else lacks)) if body else lacks,
        )

    def _content(self, message: http.Message, headers: Headers) -> tuple[bytes, str | None]:
        """Return the decoded body, and what is missing from it.

        A body that cannot be decoded is kept only without redaction, which could not see the secrets in it.
        """
        body = message.raw_content or b""
        try:
            return content(body, headers, KEPT)
        except TooLarge as exc:
            return b"", str(exc)
        except NotUndone as exc:
            return (body, None) if self._redactor is None else (b"", str(exc))

    async def server_connect_error(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Record that the upstream cannot be reached.

        A client that has sent no request yet leaves no other record of it.
        """
        if self._pipeline is None:
            return
        reason = data.server.error or "no reason given"
        await self._write(self._pipeline.note(self._clock(), GAP, f"the upstream cannot be reached: {reason}"))

    async def websocket_message(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or flow.websocket is None or not self._pipeline.knows(flow.id):
            return
        message = flow.websocket.messages[-1]
        frame = self._pipeline.message(flow.id, self._clock(), from_client=message.from_client, body=message.content)
        del flow.websocket.messages[:-1]  # else mitmproxy keeps all messages of the socket in memory
        if not message.from_client:
            message.content = redirected(message.content, _own_host(flow)) or message.content
        await self._write(frame)

    async def websocket_end(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or flow.websocket is None or not self._pipeline.knows(flow.id):
            return
        who = "client" if flow.websocket.closed_by_client else "server"
        reason = f"websocket closed by {who}, code {flow.websocket.close_code}"
        await self._write(self._pipeline.socket_closed(flow.id, self._clock(), reason))

    def done(self) -> None:
        try:
            self.close()
        except CaptureError as exc:
            self._stop(exc)
        for text in self.remarks if self._is_script else ():
            log.warning("%s", text)

    async def _write(self, frame: bytes) -> None:
        """Queue a frame before the first await, so that frames keep their order; then wait while the queue is full."""
        writer = self._writer
        if writer is None:
            return
        try:
            has_room = writer.offer(frame)
            if self._has_parts and self._pipeline is not None and self._is_full(self._pipeline):
                self._next_part(self._pipeline, self._clock())
            if not has_room:
                await asyncio.to_thread(writer.wait)
        except CaptureError as exc:
            self._stop(exc)

    def _is_full(self, pipeline: Pipeline) -> bool:
        now = self._clock()
        duration = (now - pipeline.started) / 1_000_000_000
        return self._limits.reached(pipeline.size, duration, pipeline.quiet(now))

    def _stop(self, failure: CaptureError) -> None:
        """Log once that the capture cannot be kept, and stop the proxy.

        With `go_on_when_full` the proxy continues and the traffic passes unrecorded.
        """
        if self.failure is not None:
            return
        self.failure = failure
        if self._go_on_when_full:
            self._writer = None
            log.error("%s; traffic goes on UNRECORDED", failure)
        else:
            log.error("%s; stopping", failure)
            ctx.master.shutdown()


def _own_host(flow: http.HTTPFlow) -> str | None:
    """Return the host and port by which the client reaches this proxy, in reverse mode.

    In all other modes the client names the server itself, and the result is None.
    """
    if not isinstance(flow.client_conn.proxy_mode, ReverseMode):
        return None
    address = url.hostport("https" if flow.client_conn.tls else "http", *flow.client_conn.sockname[:2])
    return flow.metadata.get(HOST) or address


def with_host(request: http.Request, headers: Headers) -> Headers:
    """Return the headers of a request with a Host; HTTP/2 has `:authority` in its place (RFC 9113, section 8.3.1)."""
    return (("Host", request.authority), *headers) if request.authority and "host" not in request.headers else headers


def _headers(headers: http.Headers) -> Headers:
    return tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.fields])
