"""Round trips, silence, and clocks."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median

from camrelay.tools.doctor.facts import Answer, Idle, NoAnswer, Pings
from camrelay.tools.findings import Finding, ok, problem, warning

# Milliseconds from which the hand that moves a camera sees the delay.
SLOW_ROUND_TRIP = 150.0
# Seconds of silence after which proxies cut connections: Heroku 55, nginx and AWS 60.
FIRST_PROXY_CUT = 55.0
CLOCKS_APART = timedelta(seconds=30)


def judge_pings(pings: Pings) -> Finding:
    """WebSocket pings, which cross every proxy that frames cross."""
    if pings.error:
        text = f"no pong for a ping ({pings.error})"
        return problem("ping", text, "RFC 6455 requires one: does a proxy drop pings or pongs?")
    text = f"round trip {median(pings.milliseconds):.1f} ms, at most {max(pings.milliseconds):.1f}"
    if median(pings.milliseconds) > SLOW_ROUND_TRIP:
        return warning("ping", text, "people notice this delay: run a server nearer to them")
    return ok("ping", text)


def judge_idle(idle: Idle) -> Finding:
    """A client that listens and says nothing, as most phones do."""
    if idle.ended:
        text = f"a silent connection ended after {idle.lasted:.0f} s ({idle.ended})"
        remedy = (
            "let the proxy wait longer (nginx: proxy_read_timeout 1h), "
            "or the server ping more often (--ping-interval)"
        )
        return problem("idle", text, remedy)
    text = f"a silent connection is still open after {idle.lasted:.0f} s, with {idle.pings} pings"
    if not idle.pings and idle.lasted >= FIRST_PROXY_CUT:
        remedy = "let the server ping every 22 s: some proxies close silent connections after 55 s"
        return warning("idle", text, remedy)
    return ok("idle", text)


def judge_clock(answer: Answer | NoAnswer, now: datetime) -> Finding:
    """`now` is when the answer came."""
    said = answer.get("date") if isinstance(answer, Answer) else ""
    try:
        there = parsedate_to_datetime(said)
    except ValueError:
        return ok("clock", "the server sends no Date header")
    apart = (there if there.tzinfo else there.replace(tzinfo=UTC)) - now
    seconds = apart.total_seconds()
    text = f"the server is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
    if abs(apart) > CLOCKS_APART:
        remedy = "set both clocks by NTP (timedatectl set-ntp true): certificates and tokens expire"
        return warning("clock", text, remedy)
    return ok("clock", "the server's clock agrees with this machine's")
