"""The journal as log lines: one for each request, handshake, connect and disconnect.

Nothing that a peer chose reaches the log unescaped, and no query string at all: tokens travel
there.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from twisted.logger import Logger

from camrelay.core.admission import Request
from camrelay.core.errors import Denied, Rejected
from camrelay.core.repeats import Repeats
from camrelay.core.session import Session
from camrelay.ops.redaction import redacted
from camrelay.ports import Answered


class LogJournal:
    """Implements `Journal` and all other journals in `camrelay.ports`."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: seconds of a clock that does not run backwards."""
        self._log = Logger(namespace="camrelay")
        self._now = now
        self._repeats = Repeats()
        self._connected_at: dict[Session, float] = {}

    def listening(self, origin: str) -> None:
        """An address that people can open."""
        self._log.info("open {url}", event="listening", url=origin)

    def redirecting(self, origin: str) -> None:
        """An address that only redirects to TLS."""
        self._log.info("redirect {url} to https", event="redirecting", url=origin)

    def expects_proxies(self, origin: str) -> None:
        """An address that expects the PROXY protocol."""
        self._log.info("PROXY protocol {url}", event="expects-proxies", url=origin)

    def answers_operators(self, url: str) -> None:
        """The address of the admin listener."""
        self._log.info("admin {url}", event="admin", url=url)

    def authority(self, path: str, fingerprint: str) -> None:
        """The development CA that clients have to trust."""
        self._log.info("authority {path}", event="authority", path=path)
        self._log.info(
            "authority fingerprint SHA-256 {fingerprint}",
            event="authority",
            fingerprint=fingerprint,
        )

    def certificate_shown(self, path: str, names: Sequence[str], end: datetime) -> None:
        """Clients that ask for one of `names` now get the certificate in the file."""
        self._log.info(
            "certificate {path} for {names} until {end}",
            event="certificate",
            path=path,
            names=escaped(", ".join(names)) or "no name",
            end=f"{end:%Y-%m-%d}",
        )

    def certificate_refused(self, why: str) -> None:
        """A file cannot be used; the previous one stays in use."""
        self._log.warn(
            "refused, and what was there before stays in use: {why}",
            event="certificate-refused",
            why=why,
        )

    def certificates_read(self, usable: int, refused: int) -> None:
        """All files were read again, as the operator asked."""
        self._log.info(
            "certificates read again: {count} in use{more}",
            event="certificates-read",
            count=usable,
            more=f", {refused} refused" if refused else "",
        )

    def certificate_ends(self, path: str, days: int, end: datetime) -> None:
        """The certificate expires in at most `days` days; 0 or less when it has expired."""
        self._log.warn(
            "certificate {path} {when} {end}: renew it",
            event="certificate-ends",
            path=path,
            when=f"ends in {days} day{'s' * (days > 1)}, on" if days > 0 else "has ended on",
            days=days,
            end=f"{end:%Y-%m-%d}",
        )

    def answered(self, answered: Answered) -> None:
        """A page or API call was answered."""
        id, method, path, peer, status, size, seconds = answered
        self._log.info(
            "{method} {path} {status} {size} bytes {ms:.1f} ms from {peer}{as_id}",
            event="http",
            method=escaped(method),
            path=escaped(path),
            status=status,
            size=size,
            ms=seconds * 1000,
            peer=peer,
            **_named(id),
        )

    def denied(self, request: Request, denied: Denied) -> None:
        """A handshake was refused by the relay."""
        path = escaped(request.path)
        self._refused(f"handshake {path}", request.peer, denied, path=path, **_named(request.id))

    def turned_away(self, peer: str, denied: Denied, id: str = "") -> None:
        """A connection was refused at the door, before anything was asked for."""
        self._refused("connection", peer, denied, **_named(id))

    def _refused(self, what: str, peer: str, denied: Denied, **fields: str) -> None:
        address, _, _ = peer.rpartition(":")  # every attempt has a port of its own
        unsaid = self._repeats.note(f"denied {denied.status} {address}", self._now())
        if unsaid is not None:
            self._log.info(
                "{what} denied {status} from {peer}{as_id}: {text}{more}",
                event="denied",
                what=what,
                status=denied.status,
                peer=peer,
                text=escaped(denied.text),
                more=_more(unsaid),
                **fields,
            )

    def connected(self, session: Session) -> None:
        """A connection is open and has joined its room."""
        self._connected_at[session] = self._now()
        self._log.info(
            "connect {room} from {peer} as {id}",
            event="connect",
            room=session.admission.room,
            peer=session.admission.peer,
            id=session.id,
        )

    def disconnected(self, session: Session, code: int | None, text: str) -> None:
        """A connection is over."""
        seconds = self._now() - self._connected_at.pop(session, self._now())
        self._log.info(
            "disconnect {room} from {peer} as {id} after {seconds:.1f} s, {code_text}, "
            "{messages_in} messages in, {messages_out} out{text}",
            event="disconnect",
            room=session.admission.room,
            peer=session.admission.peer,
            id=session.id,
            code=code,
            code_text=f"code {code}" if code is not None else "no close frame",
            seconds=seconds,
            messages_in=session.messages_in,
            messages_out=session.messages_out,
            text=f" ({escaped(text)})" if text else "",
        )

    def rejected(self, session: Session, rejected: Rejected) -> None:
        """A message was dropped."""
        unsaid = self._repeats.note(f"rejected {rejected.reason} {session.id}", self._now())
        if unsaid is not None:
            self._log.info(
                "dropped {reason} from {peer} as {id} in {room}: {detail}{more}",
                event="rejected",
                reason=rejected.reason,
                peer=session.admission.peer,
                id=session.id,
                room=session.admission.room,
                detail=escaped(rejected.detail),
                more=_more(unsaid),
            )

    def redis_unverified(self) -> None:
        """The certificate of Redis is not verified: --redis-insecure was given."""
        self._log.warn(
            "--redis-insecure: any server is accepted as Redis", event="redis-unverified"
        )

    def node_came(self, node: str) -> None:
        """Another node appeared."""
        self._log.info("node {node} is there", event="node", node=escaped(node))

    def node_went(self, node: str, why: str) -> None:
        """A node has stopped, or is considered dead."""
        self._log.info("node {node} is gone: {why}", event="node", node=escaped(node), why=why)

    def not_carried(self, count: int, why: str) -> None:
        """`count` publications did not, or may not, have reached the other nodes."""
        self._log.warn(
            "not carried to other nodes: {count} messages ({why})",
            event="not-carried",
            count=count,
            why=why,
        )

    def late(self, node: str) -> None:
        """A message of `node` was dropped, because later ones had arrived before it."""
        self._warn(
            f"late {node}",
            "dropped a late message from node {node}",
            event="late",
            node=escaped(node),
        )

    def unreadable(self, why: str) -> None:
        """A message on a channel of the nodes could not be decoded, and was dropped."""
        self._warn(
            "unreadable",
            "dropped a message that is not from a node: {why}",
            event="unreadable",
            why=escaped(why),
        )

    def not_stored(self, count: int, why: str) -> None:
        """`count` messages and reads were refused by the history."""
        self._warn(
            f"not stored {why}",
            "not stored: {count} messages, {why}",
            event="not-stored",
            count=count,
            why=escaped(why),
        )

    def stores_again(self) -> None:
        """Storing works again."""
        self._log.info("messages are stored again", event="stored-again")

    def keys_read(self, place: str, names: Sequence[str]) -> None:
        """The keys of a file or URL have changed."""
        self._log.info(
            "keys of {place}: {names}",
            event="keys",
            place=escaped(place),
            names=", ".join(escaped(name) or "(no name)" for name in names),
        )

    def keys_not_read(self, place: str, why: str) -> None:
        """They could not be read; the previous ones stay in use."""
        self._warn(
            f"keys {place}",
            "keys of {place} cannot be read, the previous ones stay in use: {why}",
            event="keys-not-read",
            place=escaped(place),
            why=escaped(why),
        )

    def keys_not_made(self, why: str) -> None:
        """The first key is needed and cannot be made."""
        self._warn(
            "keys not made",
            "nobody can sign in, for want of a key: {why}",
            event="keys-not-made",
            why=escaped(why),
        )

    def failed(self, what: str, id: str = "") -> None:
        """A bug of ours or of a kind; called inside `except`."""
        unsaid = self._repeats.note(f"failed {what}", self._now())
        if unsaid is not None:
            self._log.failure(
                "error in {what}{as_id}{more}",
                event="error",
                what=what,
                more=_more(unsaid),
                **_named(id),
            )

    def _warn(self, key: str, text: str, **fields: object) -> None:
        """One line for `text`, and every ten seconds one for all that have the same `key`."""
        unsaid = self._repeats.note(key, self._now())
        if unsaid is not None:
            self._log.warn(text + "{more}", more=_more(unsaid), **fields)


def escaped(text: str) -> str:
    """The first 200 characters of `text` on one line, without terminal control characters.

    Without secrets, as far as they can be told.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in redacted(text)[:200]
    )


def _named(id: str) -> dict[str, Any]:
    """The fields for the name of a connection; it has none before it is accepted."""
    return {"id": id, "as_id": f" as {id}"} if id else {"as_id": ""}


def _more(unsaid: int) -> str:
    return f" (and {unsaid} more like this)" if unsaid else ""
