"""The answer to a WebSocket handshake, as each of the clients reads it."""

from collections.abc import Iterator

from camrelay.tools.doctor.facts import Answer, NoAnswer
from camrelay.tools.findings import Finding, ok, problem

SUBJECT = "websocket"
LONGEST_HEAD = 8192
_PROXY = (
    "let the proxy in front of the server pass WebSockets on (nginx: proxy_http_version 1.1; "
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection Upgrade)"
)
_REFUSALS = {
    401: "add a token that allows this room to the URL: ?token=...",
    403: "the server refuses this client: its log says why",
    404: "correct the path; `camrelay check` lists all paths",
    429: "wait a moment; if many clients share an address, raise --connections-per-address",
    502: "check that the server behind the proxy is running",
    503: "check in its log whether the server is full, draining or down",
    504: "check whether the server behind the proxy hangs",
}


def judge_handshake(answer: Answer | NoAnswer, accept: str, url: str) -> Iterator[Finding]:
    """`accept` is what Sec-WebSocket-Accept has to be; one finding, or all that is wrong."""
    if isinstance(answer, NoAnswer):
        yield _judge_no_answer(answer)
    elif answer.status != 101:
        yield _judge_refusal(answer, url)
    else:
        wrong = list(_judge_head(answer, accept))
        yield from wrong or [ok(SUBJECT, f"{url} opens for WebSocketSharp, OkHttp and browsers")]


def _judge_no_answer(answer: NoAnswer) -> Finding:
    if answer.silent and not answer.received:
        remedy = "check whether the process hangs, and whether it listens on this port"
        return problem(SUBJECT, "the server accepts the connection and does not answer", remedy)
    if not answer.received:
        text = "the server closes the connection without an answer"
        remedy = "look into its log: does it need a client certificate? Is it the right server?"
        return problem(SUBJECT, text, remedy)
    text = f"what listens there does not speak HTTP ({answer.received[:40]!r})"
    return problem(SUBJECT, text, "correct the port")


def judge_hidden_tls(url: str) -> Finding:
    """The server speaks TLS, and was asked without."""
    return problem(SUBJECT, "the port speaks TLS", f"connect to {url}")


def _judge_refusal(answer: Answer, url: str) -> Finding:
    text = f"{url} answers {answer.status}" + (answer.text and f" ({answer.text})")
    if 300 <= answer.status < 400:
        place = answer.get("location").partition("?")[0] or "nowhere"
        text = f"{url} answers {answer.status} and sends clients to {place}"
        remedy = "serve this address itself: WebSocketSharp and browsers follow no redirect"
        return problem("redirect", text, remedy)
    remedy = _REFUSALS.get(answer.status, f"connect to a WebSocket server, or {_PROXY}")
    return problem(SUBJECT, text, remedy)


def _judge_head(answer: Answer, accept: str) -> Iterator[Finding]:
    if answer.version != "HTTP/1.1":
        yield _wrong(f"the answer is {answer.version}, WebSocketSharp needs HTTP/1.1", _PROXY)
    if answer.get("upgrade").lower() != "websocket":
        yield _wrong(f"the Upgrade header is {answer.get('upgrade')!r}, not websocket", _PROXY)
    if answer.get("connection").lower() != "upgrade":
        text = f"the Connection header is {answer.get('connection')!r}"
        yield _wrong(text, "OkHttp and .NET accept only `Upgrade`: correct it in the proxy")
    if answer.get("sec-websocket-accept") != accept:
        remedy = "is the answer from a cache, or is this not a WebSocket server?"
        yield _wrong("the Sec-WebSocket-Accept header does not belong to our key", remedy)
    if answer.get("sec-websocket-version") not in ("", "13"):
        text = f"the Sec-WebSocket-Version header is {answer.get('sec-websocket-version')!r}"
        yield _wrong(text, "WebSocketSharp accepts only 13 or no such header")
    yield from _judge_unasked(answer)


def _judge_unasked(answer: Answer) -> Iterator[Finding]:
    for name in ("Extensions", "Protocol"):
        given = answer.get(f"sec-websocket-{name.lower()}")
        if given:
            text = f"the server chose {given!r} (Sec-WebSocket-{name}), which nobody offered"
            yield _wrong(text, "let it choose only what was offered: WebSocketSharp disconnects")
    if answer.size > LONGEST_HEAD:
        text = f"the head of the answer has {answer.size} bytes"
        yield _wrong(text, f"WebSocketSharp accepts {LONGEST_HEAD}: remove headers (cookies?)")


def _wrong(text: str, remedy: str) -> Finding:
    return problem(SUBJECT, text, remedy)
