"""The same handshake with a slash more, with an Origin, with an offer of compression."""

from camrelay.tools.doctor.facts import Answer, NoAnswer
from camrelay.tools.findings import Finding, ok, problem, warning

_OKHTTP_TAKES = (
    "permessage-deflate",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
)


def judge_slash(path: str, answer: Answer | NoAnswer) -> Finding:
    """The room by its other spelling, `path`."""
    if _opens(answer):
        return ok("slash", f"{path} opens as well")
    shown = _shown(answer)
    if isinstance(answer, Answer) and 300 <= answer.status < 400:
        remedy = "serve both: clients do not follow redirects, and people use both forms"
        return problem(
            "slash", f"{path} {shown} to {answer.get('location').partition('?')[0]}", remedy
        )
    remedy = "serve both: people use both forms, and their clients do not say why they fail"
    return warning("slash", f"{path} {shown}", remedy)


def judge_own_origin(origin: str, answer: Answer | NoAnswer) -> Finding:
    """A page of the server itself, or one that the operator asks about."""
    if _opens(answer):
        return ok("origin", f"pages of {origin} may connect")
    remedy = (
        f"start the server with --allowed-origin {origin}; if it is the server's own, let the "
        "proxy pass the Host header on (nginx: proxy_set_header Host $http_host)"
    )
    return problem("origin", f"pages of {origin} may not connect: it {_shown(answer)}", remedy)


def judge_foreign_origin(origin: str, answer: Answer | NoAnswer) -> Finding:
    """A page of somebody else, opened in a browser that can reach the server."""
    if not _opens(answer):
        return ok("origin", f"pages of other origins ({origin}) are refused")
    remedy = "list the allowed ones with --allowed-origin, unless all pages should be allowed"
    return warning("origin", f"pages of every origin ({origin}) may connect", remedy)


def judge_compression(answer: Answer | NoAnswer) -> Finding:
    """An offer of permessage-deflate, as browsers and OkHttp make it."""
    if not isinstance(answer, Answer) or answer.status != 101:
        remedy = "let the server ignore the offer: OkHttp and browsers always make it"
        text = f"the server {_shown(answer)} when a client offers it"
        return problem("compression", text, remedy)
    chosen = answer.get("sec-websocket-extensions")
    words = [part.partition("=")[0].strip() for part in chosen.replace(",", ";").split(";")]
    refused = [word for word in words if word and word not in _OKHTTP_TAKES]
    if refused:
        text = f"the server answers an offer of compression with {chosen!r}"
        return problem("compression", text, f"OkHttp disconnects on {refused[0]}: leave it out")
    return ok("compression", f"on: {chosen}" if chosen else "off, which is best for small messages")


def _opens(answer: Answer | NoAnswer) -> bool:
    return isinstance(answer, Answer) and answer.status == 101


def _shown(answer: Answer | NoAnswer) -> str:
    return f"answers {answer.status}" if isinstance(answer, Answer) else "does not answer"
