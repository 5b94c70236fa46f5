"""The server's side of Bayeux sessions, sans-IO: handshakes, held polls, subscriptions, queues of events.

Where servers differ, this one follows CometD's Java server, which GWS runs. Events and the time come from the caller:
all times are seconds on the caller's clock.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Sequence

from ..lazy import shared
from ..priority_queue import PriorityQueue
from . import channels
from .extensions import batch_of, wants_acknowledgement
from .messages import Message, to_text
from .outbox import Outbox, Queued
from .replies import UNKNOWN, Said, add, is_end, is_lost, ordinary, refusal, reply, unknown
from .session import CALLBACK_POLLING, LONG_POLLING, WEBSOCKET, Answer, Poll, Says, Session, Turn

_OFFERED = [WEBSOCKET, LONG_POLLING, CALLBACK_POLLING]
# Advice to the second session of a browser; the interval between its polls is in milliseconds (multiSessionInterval of
# CometD's servers).
_MULTIPLE_CLIENTS = {"multiple-clients": True, "reconnect": "retry", "interval": 2000}


class BayeuxServer:
    """All Bayeux sessions of one server."""

    def __init__(
        self,
        new_client_id: Callable[[], str],
        timeout: float,
        epoch: float = 0.0,
        *,
        unknown_error: str = UNKNOWN,
        known: Container[str] = (),
    ) -> None:
        """Start without sessions.

        Args:
            new_client_id: Returns a new clientId at each call.
            timeout: Seconds for which a poll is held (`advice.timeout`).
            epoch: The time at which the caller's clock shows 0, in UTC seconds, for the timesync extension.
            unknown_error: Error that a client without a session is told.
            known: Channels and patterns that can be subscribed to, whatever their form.

        """
        self._unknown_error, self._known = unknown_error, known
        self._new_client_id = new_client_id
        self._timeout = timeout
        self._epoch = epoch
        self._sessions: dict[str, Session] = {}
        self._forgotten: dict[str, Session] = {}  # sessions that the server lost while the client still uses them
        # held polls, and answers not known to have left: request → its session, and the events in the answer
        self._open: dict[int, tuple[Session, list[Queued]]] = {}
        self._until: PriorityQueue[Session, float] = PriorityQueue()  # when each held poll must be answered
        self._told: set[Session] = set()  # sessions whose held poll may have events to carry
        self._browsers: Counter[str] = Counter()  # number of held polls of each browser
        # answers that wait for replies of the caller: request → its turn, and by the places of the publishes these and
        # the places of their replies
        self._unfinished: dict[int, tuple[Turn, dict[int, tuple[int, Message]]]] = {}
        self.ended: list[str] = []  # clients that were told to stop, until the caller takes them out

    def receive(  # noqa: PLR0917  # one call for each request: keywords would cost time
        self,
        request: int,
        messages: list[Message],
        now: float,
        transport: str = LONG_POLLING,
        callback: str | None = None,
        later: Collection[int] = (),
        *,
        says: Says | None = None,
    ) -> list[Answer]:
        """Take the messages of one request, or one message of a WebSocket; return the answers that are ready.

        Args:
            request: Number of the request, chosen by the caller; `Answer.request` repeats it.
            messages: The messages.
            now: The time.
            transport: Connection type of the request.
            callback: Function in which a callback-polling client wants the answer wrapped.
            later: Places of the publishes to which the caller replies itself, by `tell`.
            says: Asked for each message of a known client, and for each handshake.

        """
        alone = len(messages) == 1
        if not alone and any(message["channel"] == channels.HANDSHAKE for message in messages):
            return [Answer(request, None, 400)]  # a handshake must be the only message (AbstractHttpTransport.java)
        turn = Turn(request, now, transport, callback, says)
        if later:
            asked = self._unfinished[request] = turn, {}
            for place, message in enumerate(messages):
                if place in later:
                    asked[1][place] = len(turn.replies), message
                self._take(message, turn, alone=alone)
            return turn.answers
        for message in messages:
            self._take(message, turn, alone=alone)
        if not turn.held:
            turn.answers.append(self._answer(request, turn.sender, turn.replies, turn))
        return turn.answers

    def tell(self, request: int, place: int, told: Message | None) -> list[Answer]:
        """Reply to a publish that the caller answers; return the answer if no other reply of its request is open.

        Args:
            request: Number of the request.
            place: Place of the publish in the request.
            told: Fields of the reply beside channel and id; None for no reply at all.
        """
        turn, left = self._unfinished.get(request, (None, {}))
        if turn is None or place not in left:
            return []
        at, asked = left.pop(place)
        # an empty reply stands for none
        turn.replies[at] = {} if told is None else reply(asked) | told | {"channel": asked["channel"]}
        if left:
            return []
        del self._unfinished[request]
        return [self._answer(request, turn.sender, [one for one in turn.replies if one], turn)]

    def has_others(self, request: int) -> bool:
        """Return whether a request whose replies are open has more than one message."""
        turn, _ = self._unfinished.get(request, (None, {}))
        return turn is not None and len(turn.replies) > 1

    def carries_events(self, request: int) -> bool:
        """Return whether the answer to a request whose replies are open will carry the events of its sender."""
        turn, _ = self._unfinished.get(request, (None, {}))
        return turn is not None and turn.sender is not None and turn.carries_events_of(turn.sender)

    def push(self, client_id: str, event: Queued) -> None:
        """Queue an event for a client; drop the event if the client has no session."""
        session = self._sessions.get(client_id) or self._forgotten.get(client_id)
        if session is not None:
            session.outbox.push(event)
            if session.poll is not None:  # without a poll, the event waits for the next one
                self._told.add(session)

    def push_again(self, client_id: str, events: list[Queued]) -> list[Queued]:
        """Queue events for a client that it was given before; return what is queued for each of them."""
        session = self._sessions.get(client_id)
        if session is None:
            return events
        new = [one if session.outbox.waits(one) else Queued(one.text, place=one.place) for one in events]
        session.outbox.again([one for one, old in zip(new, events, strict=True) if one is not old])
        if session.poll is not None:
            self._told.add(session)
        return new

    def flush(self, now: float) -> list[Answer]:
        """Return the answers to held polls that have events to carry or whose time is over."""
        first = self._until.first()
        if not self._told and (first is None or first > now):
            return []
        told = [session for session in self._told if session.poll and not session.outbox.is_empty]
        self._told.clear()
        ready = {session.poll.request: session for session in (*told, *self._until.pop_until(now)) if session.poll}
        return [answer for _, session in sorted(ready.items()) for answer in self._let_go(session, now)]

    def deadline(self) -> float | None:
        """Return when the next held poll must be answered even without events, None if no poll is held."""
        return self._until.first()

    def carried(self, request: int) -> Sequence[Queued]:
        """Return the events in the answer to a request that is not known to have left, also those sent before."""
        return self._open[request][1] if request in self._open else ()

    def with_events(self, answer: Answer, client_id: str) -> Answer:
        """Return an answer that has not left with the events that wait for its client, in front of the replies.

        The reply to a handshake stands first, and tells their number as `x-messages`
        (AbstractStreamHttpTransport.java).
        With the acknowledgement extension, and with callback-polling, events go out only with a reply to /meta/connect.
        """
        session, texts = self._sessions.get(client_id), answer.texts
        if session is None or texts is None or session.outbox.is_empty:
            return answer
        if session.outbox.confirms or answer.transport == CALLBACK_POLLING:
            return answer
        fresh, _ = session.outbox.take()
        before = self.carried(answer.request)
        self._open[answer.request] = session, [*before, *fresh]
        told = [*texts[: len(before)], *(event.text for event in fresh), *texts[len(before) :]]
        if answer.handshaken is not None:
            told = [to_text(json.loads(texts[0]) | {"x-messages": len(fresh)}), *(event.text for event in fresh)]
        return answer._replace(texts=told, delivered=[*answer.delivered, *fresh])

    def sent(self, request: int) -> None:
        """Forget an answer that has left; its events cannot be put back any more."""
        self._open.pop(request, None)

    def abort(self, request: int) -> list[Queued]:
        """Drop a request that its client gave up; return its events that did not leave and are queued again."""
        self._unfinished.pop(request, None)
        session, events = self._open.pop(request, (None, []))
        if session is None:
            return []
        if session.poll is not None and session.poll.request == request:
            self._release(session)
            session.gave_up = True
            return []
        while session.heir is not None:
            session = session.heir
        session.gave_up = True
        self._told.add(session)
        return session.outbox.put_back(events)

    def forget(self, client_id: str) -> list[Answer]:
        """Lose a session, as a server does that was restarted; return the answer to its held poll.

        Each later message of the client is answered with `402::session_unknown`, a poll also with the advice to shake
        hands again.
        """
        session = self._sessions.pop(client_id, None)
        if session is None:
            return []
        self._forgotten[client_id] = session
        poll = self._release(session)
        if poll is None:
            return []
        told = to_text(unknown(poll.asked, self._unknown_error))
        return [Answer(poll.request, [told], callback=poll.callback, transport=poll.transport)]

    def reply_to_poll(self, client_id: str, recorded: Message, pushed: Message | None, now: float) -> list[Answer]:
        """Give a recorded reply to the held poll of a client, else to its next poll; return the answer.

        Args:
            client_id: The client.
            recorded: The reply; the session is lost or ends if it says so.
            pushed: A /meta/disconnect to send before it.
            now: The time.

        """
        session = self._sessions.get(client_id)
        if session is None:
            return []
        session.due += ((recorded, pushed),)
        poll = self._release(session)
        if poll is None:
            return []
        turn = Turn(poll.request, now, poll.transport, poll.callback, connecting=session)
        self._reply_as_recorded(session, poll.asked, turn, poll.received)
        return [*turn.answers, self._answer(poll.request, session, turn.replies, turn)]

    def is_idle(self, client_id: str, since: float) -> bool:
        """Return whether a client holds no poll and has held none since a time."""
        session = self._sessions.get(client_id)
        return session is not None and session.poll is None and session.seen < since

    def drop(self, client_id: str) -> None:
        """Drop a session that holds no poll, with all its events."""
        self._sessions.pop(client_id, None)
        self._forgotten.pop(client_id, None)

    def holds_poll(self, client_id: str) -> bool:
        """Return whether a client has a poll that is not answered."""
        session = self._sessions.get(client_id)
        return session is not None and session.poll is not None

    def poll_on_socket(self, client_id: str) -> int | None:
        """Return the request number of the poll that a client holds on a WebSocket, None if there is none."""
        session = self._sessions.get(client_id)
        if session is None or session.poll is None or session.poll.transport != WEBSOCKET:
            return None
        return session.poll.request

    def is_forgotten(self, client_id: str) -> bool:
        """Return whether a session was lost by `forget` and has no successor yet."""
        return client_id in self._forgotten

    def is_lost(self, client_id: str) -> bool:
        """Return whether a session was lost and its client is to shake hands again: it was not told to stop."""
        session = self._forgotten.get(client_id)
        return session is not None and not session.ended

    @property
    def forgotten(self) -> Iterable[str]:
        """The clientIds of the sessions that were lost by `forget` and have no successor yet."""
        return self._forgotten

    def succeed(self, old: str, new: str) -> list[Queued]:
        """Move the events of a client's old session to its new one, in order; return those to be delivered again."""
        before = self._forgotten.pop(old, None) or self._sessions.pop(old, None)
        heir = self._sessions.get(new)
        if before is None or heir is None:
            return []
        before.heir = heir
        self._told.add(heir)
        return heir.outbox.inherit(before.outbox)

    def belongs_to(self, client_id: str, browser: str) -> None:
        """Assign a session to a browser, known by its cookies.

        Of the sessions of one browser only one may have a poll held at a time.
        """
        session = self._sessions.get(client_id)
        if session is not None:
            session.browser = browser

    def has_events(self, client_id: str) -> bool:
        """Return whether events wait for the next answer to a client."""
        session = self._sessions.get(client_id)
        return session is not None and not session.outbox.is_empty

    def subscriptions(self, client_id: str) -> frozenset[str]:
        """Return the channels and patterns a client is subscribed to."""
        session = self._sessions.get(client_id)
        return session.subscriptions if session else frozenset()

    def knows(self, client_id: str) -> bool:
        """Return whether a client has a session."""
        return client_id in self._sessions

    def confirms(self, client_id: str) -> bool:
        """Return whether a client confirms what it received: the acknowledgement extension."""
        session = self._sessions.get(client_id)
        return session is not None and session.outbox.confirms

    def is_connected(self, client_id: str) -> bool:
        """Return whether the first /meta/connect of a client was answered and the client has not disconnected."""
        session = self._sessions.get(client_id)
        return session is not None and session.connected

    @property
    def held(self) -> int:
        """Number of polls that are held."""
        return len(self._until)

    def is_polling(self, client_id: str) -> bool:
        """Return whether a poll of a client is held, or the client was advised to wait before its next poll."""
        session = self._sessions.get(client_id)
        return session is not None and (session.poll is not None or session.told_to_wait)

    def has_given_up(self, client_id: str) -> bool:
        """Return whether a client closed its poll, or the connection of an answer, and has sent nothing since."""
        session = self._sessions.get(client_id)
        return session is not None and session.gave_up

    def is_there(self, client_id: str) -> bool:
        """Return whether a client is alive: it polls, or has not sent its first /meta/connect yet."""
        session = self._sessions.get(client_id)
        return session is not None and (not session.connected or self.is_polling(client_id))

    def _take(self, message: Message, turn: Turn, *, alone: bool) -> None:
        client_id = str(message.get("clientId", ""))
        session = self._sessions.get(client_id)
        if session is not None:
            session.gave_up = False
        channel = message["channel"]
        said = None
        if turn.says is not None and (channel == channels.HANDSHAKE or session is not None):
            said = turn.says(message)
        if channel == channels.HANDSHAKE:
            if said is not None and said.refuses:
                turn.tell(message, refusal(message, said.message), self._epoch)
            else:
                turn.sender = self._handshake(message, turn, said)
            return
        turn.sender = turn.sender or session  # the answer carries the events of the first known client
        if session is None:
            self._confirm_late(client_id, message)
            turn.replies.append(unknown(message, self._unknown_error, left=client_id in turn.left))
        elif said is not None and said.refuses:
            self._refuse(session, message, said, turn)
        elif channel == channels.CONNECT and session.due:
            turn.connecting = session
            self._reply_as_recorded(session, message, turn)
        elif channel == channels.CONNECT:
            self._connect(session, message, turn, said, may_hold=alone)
        elif channel == channels.DISCONNECT:
            turn.answers += self._dismiss(session, turn.now)
            del self._sessions[client_id]
            turn.left += (client_id,)
            turn.tell(message, reply(message), self._epoch)
        else:
            told = self._ordinary(session, message)
            turn.tell(message, told if said is None else add(told, said.message), self._epoch)

    def _ordinary(self, session: Session, message: Message) -> Message:
        """Reply to a subscribe, an unsubscribe or a publish; keep what the client is subscribed to from now on."""
        if message["channel"] not in (channels.SUBSCRIBE, channels.UNSUBSCRIBE):
            return ordinary(set(), message)
        names = set(session.subscriptions)
        told = ordinary(names, message, self._known)
        if names != session.subscriptions:
            session.subscriptions = shared(frozenset(names))
        return told

    def _refuse(self, session: Session, message: Message, said: Said, turn: Turn) -> None:
        """Reply as the recorded server did that refused a message; the session is lost or ends if that says so."""
        wanted = message.get("subscription")
        if said.names and isinstance(wanted, list):
            names = list(said.names)
            message = message | {"subscription": names[0] if len(names) == 1 else names}
            left = message | {"subscription": [name for name in wanted if name not in names]}
            turn.tell(left, self._ordinary(session, left), self._epoch)
        turn.tell(message, refusal(message, said.message), self._epoch)
        self._lose(session, said.message, turn)

    def _reply_as_recorded(self, session: Session, message: Message, turn: Turn, received: float | None = None) -> None:
        """Reply to a poll as the recorded server did that refused it, or ended the session."""
        (recorded, pushed), *left = session.due
        session.due = tuple(left)
        if pushed is not None:
            turn.replies.append({"channel": channels.DISCONNECT, "successful": True})
        if recorded.get("successful") is False:
            told = refusal(message, recorded)
        else:
            told = reply(message) | {"advice": recorded.get("advice", {"reconnect": "none"})}
        turn.tell(message, told, self._epoch, received)
        self._lose(session, told, turn)

    def _lose(self, session: Session, told: Message, turn: Turn) -> None:
        """End a session if its client was told to stop, lose it if the client was told to shake hands again."""
        if is_end(told):
            turn.answers += self._dismiss(session, turn.now)
            session.ended = True
            self.ended.append(session.client_id)
        elif told.get("successful") is not False or not is_lost(told):
            return
        turn.answers += self.forget(session.client_id)

    def _handshake(self, message: Message, turn: Turn, said: Said | None) -> Session:
        outbox = Outbox(confirms=wants_acknowledgement(message))
        session = Session(self._new_client_id(), outbox, seen=turn.now, transport=turn.transport)
        self._sessions[session.client_id] = session
        turn.handshaken = session.client_id
        told = {
            "clientId": session.client_id,
            "version": "1.0",
            "minimumVersion": "1.0",
            "supportedConnectionTypes": _OFFERED,
            "advice": self._advice(),
        }
        confirms = {"ext": {"ack": True}} if session.outbox.confirms else {}
        told = reply(message) | told | confirms
        if said is not None:
            told = add(told, said.message)
            told["advice"] = self._advised(session, said)
        turn.tell(message, told, self._epoch)
        return session

    def _connect(self, session: Session, message: Message, turn: Turn, said: Said | None, *, may_hold: bool) -> None:
        if session.poll is not None:  # a second connect ends the held one with status 500
            turn.answers += self._let_go(session, turn.now, status=500)
        session.seen = turn.now
        batch = batch_of(message)
        if batch is not None:
            session.outbox.confirmed(batch)
        # CometD's Java server (run: 3.1 to 6.0) sends advice if the client sends some, or has changed its transport.
        wants_advice = "advice" in message or turn.transport != session.transport
        session.transport = turn.transport
        told = reply(message)
        if wants_advice:
            told["advice"] = self._advice() | session.advised
        if said is not None:
            told = add(told, said.message)
            if "advice" in said.message:
                told["advice"] = self._advised(session, said)
        may_hold = may_hold and not session.has_news(batch)
        wait = self._hold_for(session, message) if may_hold else 0.0
        session.connected = True
        session.told_to_wait = may_hold and turn.transport != WEBSOCKET and self._has_other_poll(session)
        if session.told_to_wait:
            told["advice"] = told.get("advice", {}) | _MULTIPLE_CLIENTS
        elif wait > 0:
            self._hold(session, turn, message, told, wait)
            return
        turn.connecting = session
        turn.tell(message, told, self._epoch)

    def _hold(self, session: Session, turn: Turn, message: Message, told: Message, wait: float) -> None:
        browser = session.browser if turn.transport != WEBSOCKET else None
        session.poll = Poll(turn.request, message, told, turn.now, turn.transport, turn.callback, browser)
        self._open[turn.request] = session, []
        self._until.put(session, turn.now + wait)
        if browser is not None:
            self._browsers[browser] += 1
        turn.held = True

    def _hold_for(self, session: Session, message: Message) -> float:
        """Return for how many seconds to hold a connect.

        The first connect after a handshake is answered at once, because clients wait for that answer.
        """
        if not session.connected:
            return 0.0
        advice = message.get("advice")
        asked = advice.get("timeout") if isinstance(advice, dict) else None
        if isinstance(asked, int | float) and not isinstance(asked, bool) and asked >= 0:
            # `min` comes before the division, because an integer in JSON may be too big for a float
            return min(asked, self._timeout * 1000) / 1000
        return self._timeout

    def _has_other_poll(self, session: Session) -> bool:
        """Return whether the browser of a session already has a held poll.

        A browser opens few connections to one server, and each held poll occupies one (section 5.1).
        """
        return session.browser in self._browsers

    def _confirm_late(self, client_id: str, message: Message) -> None:
        """Note the batch that a client confirms in a message for a session that was lost in the meantime."""
        batch = batch_of(message) if client_id in self._forgotten else None
        if batch is not None:
            self._forgotten[client_id].outbox.confirmed(batch)

    def _release(self, session: Session) -> Poll | None:
        poll, session.poll = session.poll, None
        if poll is not None:
            self._open.pop(poll.request, None)
            self._until.drop(session)
            if poll.browser is not None:
                self._browsers[poll.browser] -= 1
                if not self._browsers[poll.browser]:
                    del self._browsers[poll.browser]
        return poll

    def _let_go(self, session: Session, now: float, status: int = 200) -> list[Answer]:
        """Answer the held poll of a session, if there is one."""
        poll = self._release(session)
        if poll is None:
            return []
        session.seen = now
        if status != 200:
            return [Answer(poll.request, None, status, callback=poll.callback)]
        turn = Turn(poll.request, now, poll.transport, poll.callback, connecting=session)
        turn.tell(poll.asked, poll.reply, self._epoch, received=poll.received)
        return [self._answer(poll.request, session, turn.replies, turn)]

    def _dismiss(self, session: Session, now: float) -> list[Answer]:
        """Answer the held poll of a session that disconnects, with the advice not to reconnect."""
        if session.poll is not None:
            session.poll.reply["advice"] = session.poll.reply.get("advice", {}) | {"reconnect": "none"}
        return self._let_go(session, now)

    def _answer(self, request: int, session: Session | None, replies: list[Message], turn: Turn) -> Answer:
        """Build an answer in the order of CometD's Java server: queued events, then replies."""
        fresh: list[Queued] = []
        events: list[Queued] = []
        if session is not None and turn.carries_events_of(session):
            if turn.connecting is session and session.outbox.confirms:
                turn.name_batch(session.outbox.batch)
            fresh, events = session.outbox.take()
        if session is not None and events:
            self._open[request] = session, events
        texts = [event.text for event in events]
        texts += map(to_text, replies)
        return Answer(request, texts, 200, turn.handshaken, fresh, turn.callback, turn.transport)

    def _advised(self, session: Session, said: Said) -> Message:
        """Return the advice with what the recorded server added to its own, which counts from now on."""
        session.advised |= said.message.get("advice", {})
        return self._advice() | session.advised

    def _advice(self) -> Message:
        return {"reconnect": "retry", "interval": 0, "timeout": round(self._timeout * 1000)}
