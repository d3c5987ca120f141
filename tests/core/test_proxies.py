"""Whose word about a client is taken, and which of their words."""

import pytest

from camrelay.core.errors import StartError
from camrelay.core.proxies import MAX_HOPS, UNIX, TrustedProxies, is_secure, plain_address

TRUSTED = TrustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("10.255.0.1", True),
        ("192.0.2.7", True),
        ("2001:db8:1::5", True),
        ("2001:0DB8:0001:0:0:0:0:5", True),
        ("::ffff:10.0.0.1", True),
        ("11.0.0.1", False),
        ("192.0.2.8", False),
        ("2001:db8:2::5", False),
        ("::ffff:11.0.0.1", False),
        ("nobody", False),
        (None, False),
    ],
)
def test_who_was_named_is_trusted(address: str | None, is_trusted: bool) -> None:
    """In whatever spelling, and nobody else is."""
    assert TRUSTED.trusts(address) is is_trusted


def test_unix_sockets_are_trusted_when_they_were_named() -> None:
    """And networks are not, for that."""
    trusted = TrustedProxies([UNIX])
    assert (trusted.trusts(None), trusted.trusts("127.0.0.1")) == (True, False)


@pytest.mark.parametrize(("named", "any_"), [([], False), ([UNIX], True), (["::1"], True)])
def test_it_is_known_whether_anybody_is_trusted(named: list[str], any_: bool) -> None:
    """So that nothing has to be looked at where nobody is."""
    assert bool(TrustedProxies(named)) is any_


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([b"203.0.113.9"], "203.0.113.9"),
        ([b"198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ([b"198.51.100.1", b"203.0.113.9"], "203.0.113.9"),
        ([b"198.51.100.1, 203.0.113.9, 10.0.0.2,\t10.0.0.3"], "203.0.113.9"),
        ([b"rubbish, 203.0.113.9"], "203.0.113.9"),
        ([b"203.0.113.9:4711"], "203.0.113.9"),
        ([b"2001:db8:0:0::9"], "2001:db8::9"),
        ([b"[2001:db8::9]:4711"], "2001:db8::9"),
        ([b"[2001:db8::9]"], "2001:db8::9"),
        ([b"::ffff:203.0.113.9"], "203.0.113.9"),
        ([b"10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        ([b"203.0.113.9, rubbish"], None),
        ([b"203.0.113.9, "], None),
        ([b"203.0.113.9, unknown, 10.0.0.3"], None),
        ([b"fe80::1%eth0"], None),
        ([b"203.0.113.9" + b" " * 100], "203.0.113.9"),
        ([b"2" * 4000], None),
        ([b""], None),
    ],
)
def test_the_last_address_that_is_no_proxy_is_the_client(
    forwarded: list[bytes], client: str | None
) -> None:
    """Whatever the client itself has written stands before it, and is not looked at."""
    assert TRUSTED.client(forwarded) == client


def test_a_long_way_is_followed_so_far() -> None:
    """And whoever is there is taken for the client."""
    hops = [b"203.0.113.9", *[b"10.0.0.%d" % number for number in range(1, MAX_HOPS + 1)]]
    assert TRUSTED.client([b",".join(hops)]) == "10.0.0.1"
    assert TRUSTED.client([b",".join(hops[:MAX_HOPS])]) == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "secure"),
    [
        ([b"https"], True),
        ([b"WSS "], True),
        ([b"http, https"], True),
        ([b"http", b"https"], True),
        ([b"https, http"], False),
        ([b"http"], False),
        ([b"httpsx"], False),
        ([], False),
    ],
)
def test_the_last_word_on_tls_counts(forwarded: list[bytes], secure: bool) -> None:
    """It is that of the proxy."""
    assert is_secure(forwarded) is secure


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.0.0.1/8", "host bits"),
        ("proxy.example", "write 10.0.0.0/8"),
        ("", "write 10.0.0.0/8"),
        ("0.0.0.0/0", "every address"),
        ("::/0", "every address"),
    ],
)
def test_what_is_no_network_stops_the_start(text: str, reason: str) -> None:
    """So does the whole internet."""
    with pytest.raises(StartError) as caught:
        TrustedProxies([text])
    assert text in str(caught.value)
    assert reason in str(caught.value)
    assert "--trusted-proxy" in str(caught.value)


def test_an_address_has_one_spelling() -> None:
    """So that nobody is counted twice."""
    assert plain_address("2001:0db8:0:0:0:0:0:0009") == "2001:db8::9"
