"""Record traffic in a mitmproxy addon: each hook translates a flow and passes it to the pipeline.

A hook does not wait for the disk: frames go to the writer's queue, and a hook waits only while the queue is full. If
the capture can no longer be written, the proxy is stopped, because no traffic may pass unrecorded.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from mitmproxy import addonmanager, ctx, exceptions, http, tcp
from mitmproxy.proxy import server_hooks

from ...cassette.reader import open_cassette
from ...dialect.definition import DEFAULT, Dialect, shipped
from ...dialect.definition import load as load_dialect
from ...dialect.fitting import Fit
from ...errors import CaptureError, RecorderError
from ...formats.streamed import is_event_stream, streamed_media
from ...model import GAP, Header, Headers, Record, closed_by
from ...monitoring import answers
from ...monitoring.openmetrics import Family
from ...printable import counted
from ...redaction.bodies.change import told
from ...redaction.joins import continued, fitted
from ...redaction.policy import DEFAULT as DEFAULT_POLICY
from ...redaction.policy import NO_POLICY, Policy, load
from ...redaction.redactor import Redactor
from ..choosing import told as told_choice
from ..comments import of_answer, of_request
from ..hosts import NOT_RECORDED, Others
from ..keys import read_key
from ..large.glimpse import HEAVY
from ..pipeline import Counts, Pipeline
from ..sifting import sift
from ..streams import KEPT, Chunks, Kept, has_body, is_small, length_of
from .capture import Capture, Settings, families
from .dispatch import ask_listeners_only
from .handshakes import Handshakes
from .large.deadline import hurried
from .large.decoding import beginning, is_large, small, whole, with_host
from .large.held import Held
from .leading import HOST, Leading, headers_of
from .listening import exposed, keep_to_loopback, upstream_of
from .logins import Logins
from .protocol.connecting import hold
from .protocol.crashes import Crashes
from .protocol.hooks import Fact
from .protocol.layers import WAITS, install
from .protocol.sockets import TOO_BIG, is_closed_here
from .unrecorded import UNRECORDED

log = logging.getLogger(__name__)


class Recorder:
    """A mitmproxy addon that writes all traffic into a cassette.

    In-process, the path of the cassette is an argument; in a script (`mitmdump -s addons/record.py`) it is mitmproxy's
    option `cassette`. Without a dialect one is chosen by the first records, and the redaction stays as it is. Without a
    policy all values are kept in the clear. Without a key a random one is used and never stored.

    """

    name = "outbound_recorder"

    def __init__(
        self,
        path: Path | None = None,
        *,
        upstream: str = "",
        dialect: Dialect | None = None,
        policy: Policy | None = load(DEFAULT_POLICY),  # noqa: B008  # read once
        key: bytes | None = None,
        settings: Settings = Settings(),  # noqa: B008  # frozen
        watch: Callable[[Record], None] | None = None,
        on_dialect: Callable[[Dialect, Fit | None], None] | None = None,
        rewrite_links: bool = False,
        keep_conditional: bool = False,
        others: Others | None = None,
    ) -> None:
        self._leading = Leading(self.tell, self._is_push, rewrites=rewrite_links, keeps_conditional=keep_conditional)
        self._is_script = path is None
        self._path, self._upstream, self._given, self._policy, self._key = path, upstream, dialect, policy, key
        self._redactor, self._on_dialect = self._made_redactor(), on_dialect or self._log_dialect
        self._settings, self._watch, self._clock = settings, watch, settings.clock
        self._others = others or Others()
        self._comments = self._keeps_host = False  # copies of mitmproxy's options: a lookup is slow
        self._capture: Capture | None = None
        # open streams to the client, by flow, with the headers that the server sent
        self._streams: dict[str, tuple[http.HTTPFlow, Kept, Headers]] = {}
        self._chunked: dict[str, Chunks] = {}  # open streams to the client that are written chunk by chunk, by flow
        self._uploads: dict[str, tuple[http.HTTPFlow, Kept]] = {}  # open streams to the server, by flow
        self._early: set[str] = set()  # flows whose answer came before the end of the request
        self._held: Held | None = None
        self._crashes = Crashes(self.tell)
        self._logins = Logins(self.tell, is_script=self._is_script)
        self.addons = [Handshakes(self.tell, is_script=self._is_script), self._logins]  # mitmproxy asks them, too

    @property
    def failure(self) -> CaptureError | None:
        """The reason why the capture could not be kept, None as long as it could."""
        return self._capture.failure if self._capture else None

    @property
    def counts(self) -> Counts:
        """The numbers of requests, responses, failures and socket messages seen so far."""
        return self._capture.pipeline.counts if self._capture else Counts()

    @property
    def remarks(self) -> list[str]:
        """Lines for the user about all that was seen: bodies not kept whole or not looked through, repeated facts."""
        if self._capture is None:
            return []
        cut, passed = self.counts.cut, [str(self._others)] * bool(self._others.passed)
        text = f"{counted(cut, 'body is', 'bodies are')} not kept whole; recorder doctor lists them"
        return [text] * (cut > 0) + passed + told(self._capture.pipeline.unlooked) + self._capture.findings

    @property
    def status(self) -> str:
        """The status of the recorder, for those who watch it."""
        failed = answers.UNRECORDED if self._settings.go_on_when_full else answers.ENDING
        return answers.OK if self.failure is None else failed

    def families(self) -> Iterator[Family]:
        """Yield the counters of the recorder and of its process."""
        return families(self._capture, is_recording=self.status == answers.OK)

    def sift(self) -> list[str]:
        """Remove the hosts without an API from the closed cassette; return lines for the user about it.

        Raises:
            CassetteError: If the cassette cannot be read.
            OutputError: If it cannot be written; the old one is unchanged.
        """
        capture = self._capture
        if capture is None:
            return []
        known = {} if self._redactor is None else {"known": self._redactor.known}
        return list(sift(capture.paths, capture.dialect, capture.begun, about=capture.about, **known).lines())

    @property
    def size(self) -> int:
        """Bytes in the current part of the cassette so far."""
        return self._capture.size if self._capture else 0

    @property
    def most_queued(self) -> int:
        """The most bytes of frames that waited for the disk at one time, in the current part."""
        return self._capture.most_queued if self._capture else 0

    def tell(self, kind: str, place: str, text: str) -> None:
        """Tell the user a fact once for each place, and keep it as a note; see `Capture.tell`."""
        if self._capture is not None:
            self._capture.tell(kind, place, text)

    def hold(self) -> None:
        """Hand on and record nothing more, because the capture ends; may be called by a signal's handler."""
        if self._capture is not None:
            hold(ctx.master.addons.get("proxyserver"))

    def hurry(self) -> None:
        """Hold the traffic, and leave out what takes long at the end; see `Pipeline.hurry`."""
        self.hold()
        if self._held is not None:
            self._held.kill()
        if self._pipeline is not None:
            self._pipeline.hurry()

    def open(self) -> None:
        """Create the cassette, or open it to continue it, and start the writer; without a path do nothing.

        Raises:
            CassetteError: If the file to continue is damaged or is not a cassette.
            DialectError: If the dialect of the cassette to continue is not shipped.
            UsageError: If the file exists already, is being written, or cannot be written; or if the cassette to
                continue was recorded with another policy or dialect.
        """
        if self._path is None or self._capture is not None:
            return
        if self._settings.append and self._path.exists():
            with open_cassette(self._path) as cassette:
                self._redactor = self._made_redactor(cassette.header)
        self._capture = Capture(
            self._path,
            upstream=self._upstream,
            dialect=self._given,
            redactor=self._redactor,
            settings=self._settings,
            on_failure=lambda: ctx.master.shutdown(),  # noqa: PLW0108  # there is no master yet
            on_dialect=self._on_dialect,
            watch=self._watch,
        )
        self._held = Held(self._capture, self._leading, self._redactor)

    def close(self) -> None:
        """Write the queued frames and a note of the clean end, and close all parts. A second call does nothing.

        Raises:
            CaptureError: If the writer cannot write the rest.
        """
        if self._capture is not None and self._held is not None:
            self._held.close()
            self._logins.end()
            last = list(self._held.unfinished()) if self._capture.is_open else []
            for name, chunks in self._chunked.items():
                last += self._held.unfinished_chunks(name, chunks)
            last += [self._begun(flow, "the capture ended before its end") for flow, _ in list(self._uploads.values())]
            for chunks in self._chunked.values():
                chunks.cut()
            last += [self._ended(flow, "the capture ended") for flow, *_ in list(self._streams.values())]
            if self._others.passed and self._capture.is_open:
                last.append(self._capture.pipeline.note(self._clock(), NOT_RECORDED, str(self._others)))
            self._capture.close(last)

    @property
    def _pipeline(self) -> Pipeline | None:
        return self._capture.pipeline if self._capture else None

    @property
    def _dialect(self) -> Dialect:
        return self._capture.dialect if self._capture else self._given or shipped(DEFAULT)

    @property
    def _in_clear(self) -> bool:
        return self._redactor is None

    def _is_push(self, path: str) -> bool:
        return self._dialect.is_push_url(path)

    def _made_redactor(self, before: Header | None = None) -> Redactor | None:
        """Return what redacts records, also those that are added to the cassette with the header `before`.

        A dialect that is chosen later does not change it.
        """
        if self._policy is None:
            return None
        own = fitted(self._policy, self._given or shipped(DEFAULT))
        policy = own if before is None else continued(self._policy, before, self._given)
        return Redactor(policy, self._key or secrets.token_bytes(32))

    def _log_dialect(self, _: Dialect, fit: Fit | None) -> None:
        if fit is not None and self._path is not None:
            log.log(logging.INFO if fit.dialect else logging.WARNING, "%s", told_choice(fit, self._path))

    # -- mitmproxy's hooks

    def load(self, loader: addonmanager.Loader) -> None:
        """Declare the options that configure the addon in a script."""
        if self._is_script:
            keep_to_loopback(ctx.options)
            ask_listeners_only(ctx.master.addons)
        install()
        self._crashes.watch()
        loader.add_option("cassette", str, "", "Path of the cassette to write; the file must not exist yet.")
        loader.add_option("dialect", str, "", "Dialect: a name or a file; without one, the shipped one that fits.")
        loader.add_option("policy", str, "", "Redaction policy: a name or a file; none keeps all in the clear.")
        loader.add_option("recorder_comments", bool, False, "Comment flows by operation, handle, referenceId, events.")
        loader.add_option("rewrite_links", bool, False, "In reverse mode, lead links to upstreams to this proxy.")
        loader.add_option("keep_conditional", bool, False, "Leave If-None-Match and If-Modified-Since in requests.")
        loader.add_option("redaction_key_file", str, "", "File with the key of the pseudonyms; made if missing.")
        self._take_options()

    def configure(self, updated: set[str]) -> None:
        """Apply changed options of mitmproxy, and open the cassette once its path is known.

        Raises:
            OptionsError: If the dialect, the policy, the key file or the cassette cannot be used.
        """
        self._take_options()
        if self._is_script and updated & {"rewrite_links", "keep_conditional", "mode"}:
            self._leading.configure(rewrites=ctx.options.rewrite_links, keeps_conditional=ctx.options.keep_conditional)
        if "mode" in updated and not self._upstream:
            self._upstream = upstream_of(ctx.options)
        try:
            self._redact_by_options(updated)
            # after a mistake, mitmproxy sets the old options: a path taken before would be opened then
            if "cassette" in updated and ctx.options.cassette:
                self._path = Path(ctx.options.cassette)
            self.open()
        except RecorderError as exc:
            raise exceptions.OptionsError(str(exc)) from exc

    def _take_options(self) -> None:
        self._comments = ctx.options.recorder_comments
        self._keeps_host = "keep_host_header" in ctx.options and ctx.options.keep_host_header

    def _redact_by_options(self, updated: set[str]) -> None:
        named, key_file, dialect = ctx.options.policy, ctx.options.redaction_key_file, ctx.options.dialect
        if "dialect" in updated and dialect:
            self._given = load_dialect(dialect)
        if updated & {"policy", "redaction_key_file"} and (named or key_file):
            self._key = read_key(Path(key_file).expanduser()) if key_file else None
            self._policy = None if named == NO_POLICY else load(named or DEFAULT_POLICY)
        if updated & {"dialect", "policy", "redaction_key_file"}:
            self._redactor = self._made_redactor()

    def running(self) -> None:
        """Log an error if no cassette is set, and a warning if other machines can connect."""
        for host in exposed(ctx.options) if self._is_script else []:
            log.warning("listening on %s, others can connect", host)
        if self._capture is None:
            log.error("nothing is recorded: set the option cassette, e.g. --set cassette=session.cassette")

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Remember the client's Host header, the name by which the client reaches this proxy; change other headers.

        A large request is streamed.

        Without the option keep_host_header mitmproxy has replaced the header before any hook runs.
        """
        if self._keeps_host:
            flow.metadata[HOST] = flow.request.host_header
        if self._capture is not None and UNRECORDED not in flow.metadata:
            self._leading.request_headers(flow)
        if flow.request.headers.get("upgrade", "").lower() == "h2c":
            self.tell("not-carried", "h2c", "a client asks for HTTP/2 without TLS (h2c); it is asked to use HTTP/1.1")
        if flow.request.stream or (length_of(headers_of(flow.request.headers)) or 0) > KEPT:
            self._stream_request(flow)

    def outgrown(self, flow: http.HTTPFlow) -> None:
        """Stream a body that turns out to be larger than what is kept of one."""
        if flow.response is None:
            self._stream_request(flow)
        elif self._pipeline is not None and self._pipeline.knows(flow.id):
            self._stream_response(flow, flow.response, headers_of(flow.response.headers))
        else:
            flow.response.stream = True

    def _stream_request(self, flow: http.HTTPFlow) -> None:
        if UNRECORDED in flow.metadata:
            flow.request.stream = True
            return
        kept = Kept()
        flow.request.stream = kept.passes
        self._uploads[flow.id] = flow, kept

    def _stream_response(self, flow: http.HTTPFlow, answer: http.Response, headers: Headers) -> None:
        kept = Kept()
        answer.stream = self._leading.stream(flow, headers, kept.passes)
        self._streams[flow.id] = flow, kept, headers

    def _write_chunks(self, flow: http.HTTPFlow, answer: http.Response, headers: Headers, media: str) -> None:
        """Write the head of a streamed response, and its chunks as they come."""
        capture = self._capture
        if capture is None:
            return
        pipeline, name = capture.pipeline, flow.id
        capture.put(pipeline.stream(name, self._clock(), status=answer.status_code, headers=headers))

        def write(body: bytes, *, is_last: bool = False, lacks: str | None = None) -> None:
            if waiting or len(body) > HEAVY:
                waiting.append((body, is_last, lacks))
                flow.metadata[WAITS] = True
            else:
                capture.put(pipeline.chunk(name, self._clock(), body, is_last=is_last, lacks=lacks))

        waiting: list[tuple[bytes, bool, str | None]] = []
        chunks = self._chunked[name] = Chunks(media, headers, write, waiting)
        answer.stream = self._leading.stream(flow, headers, chunks.passes)

    async def request(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or UNRECORDED in flow.metadata or flow.id in self._early:
            self._early.discard(flow.id)
            return
        await self._begin(flow)

    async def _begin(self, flow: http.HTTPFlow, reason: str | None = None) -> None:
        """Record a request; see `_begun`."""
        request, headers = flow.request, with_host(flow.request, headers_of(flow.request.headers))
        upload = self._uploads.get(flow.id) if self._uploads else None
        found = small(request, headers, self._in_clear) if upload is None else None
        if found is not None or (upload is not None and not is_large(upload[1], headers)):
            await self._write(self._begun(flow, reason, headers, found))
        elif self._held is not None:
            self._uploads.pop(flow.id, None)
            decode = partial(whole, request, headers, self._in_clear)
            if upload is not None:
                decode = partial(beginning, request, headers, self._in_clear, upload[1], reason)
            seen = await self._held.request(flow, headers, decode, is_streamed=upload is not None)
            if self._comments:
                flow.comment = flow.comment or of_request(self._dialect, request.method, request.path, seen)

    def _begun(
        self,
        flow: http.HTTPFlow,
        reason: str | None = None,
        headers: Headers | None = None,
        found: tuple[bytes, str | None] | None = None,
    ) -> bytes:
        """Return the frame of a request, as far as its body has come; `reason` says why it has not come whole."""
        if self._pipeline is None:
            return b""
        now, headers = self._clock(), headers or with_host(flow.request, headers_of(flow.request.headers))
        if flow.id in self._uploads:
            kept = self._uploads.pop(flow.id)[1]
            body, lacks = beginning(flow.request, headers, self._in_clear, kept, reason)
        else:
            body, lacks = found or whole(flow.request, headers, self._in_clear)
            if lacks is None:
                body = self._leading.request_body(flow, headers, body)
        if self._comments:
            flow.comment = flow.comment or of_request(self._dialect, flow.request.method, flow.request.path, body)
        method, target, connection = flow.request.method, flow.request.path, flow.client_conn.id
        return self._pipeline.request(
            flow.id, now, connection=connection, method=method, target=target, headers=headers, body=body, lacks=lacks
        )

    def responseheaders(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Stream the response to the client if the client may need its beginning before its end."""
        if flow.id in self._uploads and self._capture is not None:
            self._early.add(flow.id)
            return self._answered_early(flow)
        self._choose_stream(flow)
        return None

    async def _answered_early(self, flow: http.HTTPFlow) -> None:
        await self._begin(flow, "the answer came before the end of the request")
        self._choose_stream(flow)

    def _choose_stream(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or flow.response is None or not self._pipeline.knows(flow.id):
            return
        answer, headers = flow.response, headers_of(flow.response.headers)
        if self._leading.is_waited_for(headers, flow.request.method):
            answer.stream = False
        elif answer.status_code != 101 and (answer.stream or self._is_stream(flow.id, headers)):
            media = streamed_media(headers) if has_body(flow.request.method, answer.status_code) else None
            if media is not None and self._capture is not None and self._capture.has_chunks:
                self._write_chunks(flow, answer, headers, media)
            else:
                self._stream_response(flow, answer, headers)

    def _is_stream(self, flow: str, headers: Headers) -> bool:
        """Return whether a response must be streamed: events, lines, or a large response to an API call.

        A response to Bayeux messages is not streamed, unless `outgrown`: a client can use nothing of it before its end.
        """
        if is_event_stream(headers):
            return True
        is_long = not is_small(headers) or streamed_media(headers) is not None
        return is_long and self._pipeline is not None and self._pipeline.is_call(flow)

    async def response(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or flow.response is None or not self._pipeline.knows(flow.id):
            return
        if flow.id in self._streams:
            await self._end(flow)
            return
        if flow.id in self._chunked:
            self._chunked[flow.id].end()
            await self.large_chunks(flow)
            self._chunked.pop(flow.id, None)
            return
        now, headers = self._clock(), headers_of(flow.response.headers)
        found = small(flow.response, headers, self._in_clear)
        if found is None:
            decode = partial(whole, flow.response, headers, self._in_clear)
            await self._large_answer(flow, headers, decode, is_streamed=False)
            return
        body, lacks = found
        if self._comments:
            flow.comment = flow.comment or of_answer(self._dialect, body)
        self._leading.response(flow, headers, body, is_whole=lacks is None)
        status = flow.response.status_code
        await self._write(self._pipeline.response(flow.id, now, status=status, headers=headers, body=body, lacks=lacks))

    async def _large_answer(
        self,
        flow: http.HTTPFlow,
        headers: Headers,
        decode: Callable[[], tuple[bytes, str | None]],
        *,
        is_streamed: bool,
    ) -> None:
        if self._held is not None:
            seen = await self._held.answer(flow, headers, decode, is_streamed=is_streamed)
            if self._comments:
                flow.comment = flow.comment or of_answer(self._dialect, seen)

    async def large_chunks(self, flow: http.HTTPFlow) -> None:
        """Record the chunks of a stream that wait because one of them is large."""
        chunks = self._chunked.get(flow.id)
        if chunks is not None and self._held is not None:
            await self._held.chunks(flow, chunks)

    async def error(self, flow: http.HTTPFlow) -> None:
        self._early.discard(flow.id)
        reason = flow.error.msg if flow.error else "unknown"
        if flow.id in self._uploads:
            await self._begin(flow, reason)
        if self._pipeline is None or not self._pipeline.knows(flow.id):
            if flow.response is None and flow.request.method != "CONNECT" and UNRECORDED not in flow.metadata:
                self.tell("not-carried", "an unsent request", f"a request was not sent on, nor recorded: {reason}")
            return
        if flow.id in self._chunked:
            self._chunked[flow.id].cut()
            await self.large_chunks(flow)
            self._chunked.pop(flow.id, None)
            await self._write(self._pipeline.closed(flow.id, self._clock(), reason))
            return
        if flow.id in self._streams and flow.response and is_event_stream(headers_of(flow.response.headers)):
            await self._end(flow, reason)
            return
        # a broken response is recorded as a failure, because only an event stream is useful in part
        if flow.id in self._streams:
            self._streams.pop(flow.id)[1].take()
        await self._write(self._pipeline.failure(flow.id, self._clock(), reason))

    async def _end(self, flow: http.HTTPFlow, reason: str | None = None) -> None:
        """Record a streamed response; see `_ended`."""
        _, kept, headers = self._streams[flow.id]
        if flow.response is not None and is_large(kept, headers):
            del self._streams[flow.id]
            decode = partial(beginning, flow.response, headers, self._in_clear, kept, reason)
            await self._large_answer(flow, headers, decode, is_streamed=True)
        else:
            await self._write(self._ended(flow, reason))

    def _ended(self, flow: http.HTTPFlow, reason: str | None = None) -> bytes:
        """Return the frame of a streamed response, as far as its body is kept; `reason` says why it broke off."""
        _, kept, headers = self._streams.pop(flow.id)
        if self._pipeline is None or flow.response is None:
            return b""
        body, lacks = beginning(flow.response, headers, self._in_clear, kept, reason)
        return self._pipeline.response(
            flow.id, self._clock(), status=flow.response.status_code, headers=headers, body=body, lacks=lacks
        )

    async def server_connect_error(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Record that the upstream cannot be reached.

        A client that has sent no request yet leaves no other record of it.
        """
        host, port = data.server.address[:2] if data.server.address else ("", 0)
        if self._capture is None or not self._others.wants((host, data.server.sni), port):
            return
        reason = data.server.error or "no reason given"
        await self._write(self._capture.note(GAP, f"the upstream cannot be reached: {reason}", host))

    async def websocket_message(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or flow.websocket is None or not self._pipeline.knows(flow.id):
            return
        message = flow.websocket.messages[-1]
        del flow.websocket.messages[:-1]  # else mitmproxy keeps all messages of the socket in memory
        if len(message.content) > HEAVY and self._held is not None:
            await self._held.message(flow, message)
            return
        now, seen = self._clock(), message.content
        message.content = self._leading.message(flow, seen, from_client=message.from_client)
        # the server's side is recorded: what it gets, and what it sends
        body = message.content if message.from_client else seen
        from_client, is_text = message.from_client, message.is_text
        await self._write(self._pipeline.message(flow.id, now, from_client=from_client, body=body, is_text=is_text))

    async def websocket_end(self, flow: http.HTTPFlow) -> None:
        if self._pipeline is None or flow.websocket is None or not self._pipeline.knows(flow.id):
            return
        who = "client" if flow.websocket.closed_by_client else "server"
        if is_closed_here(flow.websocket):
            text = f"a WebSocket was closed: {TOO_BIG}, more than the recorder forwards (from the {who})"
            self.tell("not-carried", "WebSocket", text)
        reason = closed_by(who, flow.websocket.close_code, flow.websocket.close_reason or "")
        await self._write(self._pipeline.closed(flow.id, self._clock(), reason))

    def tcp_start(self, flow: tcp.TCPFlow) -> None:
        """Tell that a tunnel or an upgraded connection is no HTTP."""
        if UNRECORDED in flow.metadata or self._capture is None:
            return
        host = flow.server_conn.address[0] if flow.server_conn.address else ""
        # the name does not stand before a colon: a text after it may look like a value that must not be kept
        text = f"a connection to {host} that is not HTTP is forwarded, but not recorded"
        self._capture.tell("not-recorded", host, text, is_host=True)

    def tcp_message(self, flow: tcp.TCPFlow) -> None:
        flow.messages.clear()  # else mitmproxy keeps all of the connection in memory

    def not_carried(self, fact: Fact) -> None:
        """Tell what the layers of this package do not hand on or record."""
        self.tell(fact.kind, fact.place, fact.text)

    def done(self) -> None:
        self._crashes.leave()
        self.hold()
        try:
            with hurried(self.hurry if self._is_script else None):  # the command has a timer of its own
                self.close()
        except CaptureError as exc:
            if self._capture is not None:
                self._capture.stop(exc)
        for text in self.remarks if self._is_script else ():
            log.warning("%s", text)

    async def _write(self, frame: bytes) -> None:
        if self._capture is not None:
            await self._capture.write(frame)
