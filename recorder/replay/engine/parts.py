"""Build the parts of a stand-in that a recording decides on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...bayeux.server import BayeuxServer
from ...correlate.sessions import Sessions
from ...dialect.definition import Dialect
from ...links.rewriting import NOWHERE, Links, asked_server, asked_servers, servers
from ...model import AnchorKind, Recording
from ...redaction.policy import Policy as Redaction
from ...requests.asked import AskedLinks
from ...requests.index.making import Index
from .http import Responses
from .matching.matcher import Matcher
from .orders.player import NotedResponses, OrderedPlayer
from .orders.schedule import Kept, Schedule
from .said import unknown_error
from .scheduling.player import Player
from .sessions.playhead import COOKIE
from .sessions.registry import Registry

_DEFAULT_TIMEOUT = 30.0  # seconds; CometD's own default


def matcher(
    recording: Recording,
    dialect: Dialect,
    redaction: Redaction | None,
    index: Index,
    asked: AskedLinks,
    *,
    proxied: bool,
) -> Matcher:
    """Match by the index of a recording; requests are told apart by host where several hosts were asked."""
    host_of = asked_server if len(asked_servers(recording, index.summary["asked"])) > 1 else None
    own_cookies = dialect.session_cookies | {COOKIE}
    return Matcher(recording, dialect, redaction, own_cookies, host_of, only_host=proxied, index=index, asked=asked)


def links(recording: Recording, summary: Mapping[str, Any], *, proxied: bool) -> Links:
    """Build what leads links to the stand-in; clients that come through a proxy reach the servers that were asked."""
    reached = asked_servers(recording, summary["asked"]) if proxied else ()
    return Links(servers(recording, summary["answered"]), reached)


def registry(recording: Recording, dialect: Dialect, new_id: Callable[[], str], instance: str | None) -> Registry:
    """Build the registry of clients, for as many windows of one client as it had at once in the recording."""
    windows = 1 + max(recording.windows.values(), default=0)
    return Registry(Sessions(dialect.session_cookies | {COOKIE}), new_id, windows, instance)


def ordered(
    recording: Recording, schedule: Schedule | Kept | None, player: Player, responses: Responses
) -> OrderedPlayer | None:
    """Let a new player play by a schedule, if there is one; return it then.

    Raises:
        UsageError: If the recording lacks an item of the schedule.

    """
    if schedule is None or not isinstance(player, OrderedPlayer) or not isinstance(responses, NotedResponses):
        return None
    player.obey(schedule, recording, responses)
    return player


def bayeux(recording: Recording, new_id: Callable[[], str], epoch: float, links: Links) -> BayeuxServer:
    """Build the server's side of Bayeux with the times, words and channels of a recording."""
    return BayeuxServer(
        new_id,
        recording.poll_timeout or _DEFAULT_TIMEOUT,
        epoch,
        unknown_error=links.rewritten(unknown_error(recording), NOWHERE),
        known={one.name for one in recording.messages if one.kind is AnchorKind.SUBSCRIPTION},
    )
