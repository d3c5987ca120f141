"""Tokens: who is believed, who is not, and what is said about it."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK

from camrelay.core.errors import Denied
from camrelay.core.identity import Grants, Identity
from camrelay.identity.jwk import ALGORITHMS, KeySet, read_keys
from camrelay.identity.key_file import KeyFile
from camrelay.identity.own_keys import OwnKeys
from camrelay.identity.tokens import TokenRules, Tokens
from tests.support.tokens import (
    Members,
    NotedKeys,
    forged,
    key,
    key_set,
    public,
    token,
    write_secret,
)

ES, ED, HS = key("es"), key("ed", "EdDSA"), key("hs", "HS256")
BY_ALGORITHM = {"ES256": ES, "EdDSA": ED, "HS256": HS}
HOUR = 3600
INVALID = "the token is damaged, or was not signed with the key that it names"
UNKNOWN = "the token names a key that is not accepted here"


@dataclass
class Party:
    """A server's tokens, and its rules made anew."""

    tokens: Tokens
    own: OwnKeys
    others: KeySet

    def with_rules(self, **rules: object) -> Tokens:
        """The same keys under other rules."""
        return Tokens(self.own, self.others, replace(TokenRules(), **rules), time.time)


@pytest.fixture
def party(tmp_path: Path) -> Party:
    """A server without keys of its own that believes three others."""
    own = OwnKeys(tmp_path, lambda: 0.0, NotedKeys())
    others = KeySet(read_keys(key_set(public(ES), public(ED), HS)))
    return Party(Tokens(own, others, TokenRules(), time.time), own, others)


def refusal(tokens: Tokens, text: str) -> str:
    """How a token is refused: always with 401, and never quoted."""
    with pytest.raises(Denied) as caught:
        tokens.verify(text)
    denied = caught.value
    assert denied.status == 401
    assert denied.__cause__ is None
    assert not any(part and part in denied.text for part in text.split("."))
    return denied.text


# who is believed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_signed_with_a_key_that_is_believed_is_read(party: Party, algorithm: str) -> None:
    """Each algorithm with its own kind of key."""
    identity = party.tokens.verify(token(BY_ALGORITHM[algorithm], sub="alice", exp=4e9))
    assert identity == Identity("alice", expires_at=4e9 + 10)


def test_all_that_a_token_says_is_read(party: Party) -> None:
    """Name, grants and whether it is a guest; what we do not know is passed over."""
    granted = {"subscribe": ["chat/*"], "publish": ["/ws/chat/a"], "send": ["jobs"]}
    said = {"name": " Alice  B. ", "guest": True, "camrelay": granted, "roles": ["admin"]}
    identity = party.tokens.verify(token(ES, exp=4e9, **said))
    grants = Grants(("chat/*",), ("/ws/chat/a",), ("jobs",), ())
    assert identity == Identity("alice", "Alice B.", grants, 4e9 + 10, is_guest=True)


@pytest.mark.parametrize("name", [None, "", "x" * 100, "Ali\u202ece", "\n"])
def test_a_name_that_cannot_be_shown_is_none(party: Party, name: str | None) -> None:
    """Who signs in elsewhere may have any name there; here the subject is shown then."""
    assert party.tokens.verify(token(ES, name=name)).shown_as == "alice"


def test_the_only_key_is_also_for_tokens_that_name_none(party: Party) -> None:
    """A small application signs with one secret and knows of no names."""
    claims = {"sub": "alice", "exp": 4e9}
    nameless = jwt.encode(claims, PyJWK(HS, "HS256").key, "HS256")
    assert refusal(party.tokens, nameless) == "the token names no key (kid)"
    alone = Tokens(party.own, KeySet(read_keys(key_set(HS))), TokenRules(), time.time)
    assert alone.verify(nameless).subject == "alice"


def test_clocks_may_differ_a_little(party: Party) -> None:
    """By the leeway in both directions, and not by more."""
    now = int(time.time())
    lenient, strict = party.with_rules(leeway=HOUR), party.with_rules(leeway=0)
    for times in ({"exp": now - 60}, {"nbf": now + 60}, {"iat": now + 60}):
        late = token(ES, **{"exp": now + HOUR, **times})
        assert lenient.verify(late).subject == "alice"
        refusal(strict, late)
    assert lenient.verify(token(ES, exp=now + 60)).expires_at == now + 60 + HOUR


@pytest.mark.parametrize("audience", ["relay", ["web", "relay"]])
def test_a_token_for_this_audience_and_from_this_issuer_is_read(
    party: Party, audience: object
) -> None:
    """When the operator asks for them."""
    tokens = party.with_rules(audience="relay", issuer="https://login.example")
    tokens.verify(token(ES, aud=audience, iss="https://login.example"))


# who is not believed


def test_an_expired_token_is_refused(party: Party) -> None:
    """However good the rest."""
    old = token(ES, exp=int(time.time()) - HOUR)
    assert refusal(party.tokens, old) == "the token has expired: get a new one"


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_of_the_future_is_refused(party: Party, claim: str) -> None:
    """Not yet valid, or made by a clock that is far ahead."""
    early = token(ES, **{claim: int(time.time()) + HOUR})
    assert refusal(party.tokens, early) == "the token is not valid yet: are the clocks right?"


@pytest.mark.parametrize("claim", ["exp", "sub"])
def test_a_token_without_end_or_subject_is_refused(party: Party, claim: str) -> None:
    """Nobody could ever be rid of it, or know whose it is."""
    text = token(ES, **{claim: None})
    assert refusal(party.tokens, text) == f"the token has no claim {claim!r}"


@pytest.mark.parametrize("audience", ["other", ["other"], "relay2"])
def test_a_token_for_another_audience_is_refused(party: Party, audience: object) -> None:
    """Also by a server that was not told its own: the token is not for everybody."""
    said = "the token is for another audience (aud): see --token-audience"
    assert refusal(party.with_rules(audience="relay"), token(ES, aud=audience)) == said
    assert refusal(party.tokens, token(ES, aud=audience)) == said


def test_a_token_without_the_audience_or_issuer_that_is_asked_for_is_refused(party: Party) -> None:
    """Silence is not consent."""
    assert refusal(party.with_rules(audience="relay"), token(ES)) == "the token has no claim 'aud'"
    assert refusal(party.with_rules(issuer="x"), token(ES)) == "the token has no claim 'iss'"


@pytest.mark.parametrize("issuer", ["https://evil.example", ["https://login.example"], 7])
def test_a_token_from_another_issuer_is_refused(party: Party, issuer: object) -> None:
    """Even if it is signed with a key that is believed."""
    members = PyJWK(ES, "ES256").key
    claims = json.dumps({"sub": "alice", "exp": 4e9, "iss": issuer}).encode()
    text = jwt.api_jws.encode(claims, members, "ES256", headers={"kid": "es"})
    tokens = party.with_rules(issuer="https://login.example")
    assert refusal(tokens, text) == "the token is from another issuer (iss): see --token-issuer"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, "HS384", "RS256", "ES384"])
def test_an_algorithm_that_is_not_the_keys_is_refused(party: Party, algorithm: object) -> None:
    """`none` above all: the token does not choose how it is looked at."""
    claims = {"sub": "alice", "exp": 4e9}
    for kid in ("es", "ed", "hs"):
        for signature in (b"", b"x" * 64):
            text = forged({"alg": algorithm, "kid": kid, "typ": "JWT"}, claims, signature)
            assert refusal(party.tokens, text) == INVALID


def test_a_secret_made_of_a_public_key_is_refused(party: Party) -> None:
    """The public key is no secret, whichever way its bytes are written down."""
    verifying = PyJWK(public(ES), "ES256").key
    spellings = [
        verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        verifying.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        verifying.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        json.dumps(public(ES)).encode(),
    ]
    for secret in spellings:
        text = _hs256(secret, {"alg": "HS256", "kid": "es"})
        assert refusal(party.tokens, text) == INVALID


def _hs256(secret: bytes, header: Members) -> str:
    """HS256 without PyJWT, which would not sign with such secrets."""
    unsigned = forged(header, {"sub": "alice", "exp": 4e9}).rpartition(".")[0]
    signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return unsigned + forged("", "", signature)[forged("", "").rindex(".") :]


def test_the_forger_knows_how_to_sign(party: Party) -> None:
    """Otherwise the test above would show nothing."""
    assert party.tokens.verify(_hs256(PyJWK(HS, "HS256").key, {"alg": "HS256", "kid": "hs"}))


def test_a_token_of_another_key_is_refused(party: Party) -> None:
    """Whether it borrows a name that is believed or uses its own."""
    stranger = key("stranger")
    assert refusal(party.tokens, token(stranger)) == UNKNOWN
    assert refusal(party.tokens, token(stranger, {"kid": "es"})) == INVALID
    assert refusal(party.tokens, token(ED, {"kid": "es"})) == INVALID


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"jwk": public(key("evil"))},
    ],
)
def test_a_token_does_not_bring_its_own_key(party: Party, header: Members) -> None:
    """What it says about where its key is, is not read; and does not hurt a good one."""
    assert refusal(party.tokens, token(key("evil"), header)) == UNKNOWN
    assert party.tokens.verify(token(ES, header)).subject == "alice"


def test_a_critical_header_that_nobody_knows_is_refused(party: Party) -> None:
    """RFC 7515 section 4.1.11: whoever does not understand it must not go on."""
    assert refusal(party.tokens, token(ES, {"crit": ["x"], "x": 1})) == INVALID


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_token_is_refused(party: Party, part: int) -> None:
    """Every part counts."""
    parts = token(ES).split(".")
    parts[part] = parts[part][:-2] + ("AA" if parts[part][-2:] != "AA" else "BA")
    assert refusal(party.tokens, ".".join(parts)) in (INVALID, UNKNOWN)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"sub": 7}, "the token cannot be used: Expected str, got int - at $.sub"),
        ({"sub": ""}, "the token cannot be used: Expected str of length >= 1 - at $.sub"),
        ({"sub": "x" * 129}, "the token cannot be used: Expected str of length <= 128 - at $.sub"),
        ({"sub": "a\nb"}, "the token cannot be used: sub has unprintable characters"),
        ({"sub": "a\u202eb"}, "the token cannot be used: sub has unprintable characters"),
        ({"exp": "soon"}, INVALID),
        ({"exp": float("inf")}, INVALID),
        ({"exp": float("nan")}, INVALID),
        ({"exp": "4000000000"}, "the token cannot be used: Expected float, got str - at $.exp"),
        ({"name": 7}, "the token cannot be used: Expected str | null, got int - at $.name"),
        ({"guest": 1}, "the token cannot be used: Expected bool, got int - at $.guest"),
        ({"camrelay": []}, "the token cannot be used: Expected object, got array - at $.camrelay"),
        (
            {"camrelay": {"publish": "chat/*"}},
            "the token cannot be used: Expected array, got str - at $.camrelay.publish",
        ),
    ],
)
def test_claims_that_cannot_be_used_are_told(party: Party, claims: Members, said: str) -> None:
    """The signature is good, so whoever made the token may know what to change."""
    assert refusal(party.tokens, token(ES, **claims)) == said


@pytest.mark.parametrize("grants", [{"subscribe": ["chat/l*"]}, {"receive": ["a/b"]}])
def test_grants_that_grant_nothing_are_told(party: Party, grants: Members) -> None:
    """A pattern that nothing could match is a mistake that nobody would find."""
    said = refusal(party.tokens, token(ES, camrelay=grants))
    assert said.startswith("the token cannot be used: the pattern ")


@pytest.mark.parametrize(
    "text",
    ["x", "x.y", "x.y.z", "..", "a.b.c.d", "eyJhbGciOiJub25lIn0..", "e30.e30.e30", "bnVsbA.e30."],
)
def test_garbage_is_refused(party: Party, text: str) -> None:
    """Whatever it looks like."""
    with pytest.raises(Denied) as caught:
        party.tokens.verify(text)
    assert caught.value.status == 401


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_refused(party: Party, opening: str) -> None:
    """Before and behind a signature; no stack overflows."""
    deep = opening * 1000
    for header, claims in (({"alg": "ES256", "kid": "es"}, deep), (deep, {"sub": "alice"})):
        with pytest.raises(Denied):
            party.tokens.verify(forged(header, claims, b"x" * 64))


def test_a_token_that_is_too_long_is_not_looked_at(party: Party) -> None:
    """8 KiB are plenty."""
    long = token(HS, padding="x" * 9000)
    assert refusal(party.tokens, long) == "the token is too long: at most 8192 characters"


@given(st.text(max_size=50), st.text(max_size=50), st.binary(max_size=70))
def test_whatever_the_parts_there_is_a_refusal(header: str, claims: str, signature: bytes) -> None:
    """No token makes an error of ours."""
    for text in (forged(header, claims, signature), f"{header}.{claims}."):
        with pytest.raises(Denied):
            _BELIEVES_ES.verify(text)


@given(
    st.fixed_dictionaries(
        {"alg": st.sampled_from(["ES256", "none"]) | st.integers(), "kid": st.just("es")},
        optional={
            name: st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
            for name in ("typ", "crit", "b64", "cty", "zip", "jku", "x5c")
        },
    )
)
def test_whatever_the_header_there_is_a_refusal(header: Members) -> None:
    """A header of the wrong types is as bad as a wrong signature."""
    with pytest.raises(Denied):
        _BELIEVES_ES.verify(forged(header, {"sub": "alice", "exp": 4e9}, b"x" * 64))


class _NoKeys:
    def find(self, kid: str) -> None:
        """There is none."""


_BELIEVES_ES = Tokens(_NoKeys(), KeySet(read_keys(key_set(public(ES)))), TokenRules(), time.time)  # type: ignore[arg-type]


# our own


def test_what_we_sign_we_believe(party: Party) -> None:
    """All of an identity survives, and the token ends when it should."""
    grants = Grants(("chat/*",), ("chat/a",), ("jobs",), ("*",))
    identity = Identity("alice", "Alice", grants, is_guest=True)
    tokens = party.with_rules(audience="relay", issuer="us")
    before = int(time.time())
    read = tokens.verify(tokens.sign(identity, HOUR))
    assert replace(read, expires_at=identity.expires_at) == identity
    assert before + HOUR + 10 <= read.expires_at <= time.time() + HOUR + 10


def test_an_identity_without_anything_has_a_short_token(party: Party) -> None:
    """What is not there is not said."""
    claims = jwt.decode(
        party.tokens.sign(Identity("alice"), HOUR), options={"verify_signature": False}
    )
    assert claims.keys() == {"sub", "iat", "exp"}


def test_a_retired_key_is_believed_no_more(tmp_path: Path) -> None:
    """A rotated one still is: tokens live on until they end or the key is retired."""
    moment = [0.0]
    own = OwnKeys(tmp_path, lambda: moment[0], NotedKeys())
    tokens = Tokens(own, KeySet(), TokenRules(), time.time)
    before = tokens.sign(Identity("alice"), HOUR)
    file = KeyFile(tmp_path)
    old = own.signing().kid
    new = file.rotate().kid
    moment[0] += 1
    assert own.signing().kid == new != old
    assert tokens.verify(before).subject == "alice"
    file.retire(old)
    moment[0] += 1
    assert refusal(tokens, before) == UNKNOWN
    assert tokens.verify(tokens.sign(Identity("alice"), HOUR)).subject == "alice"


def test_all_keys_are_believed_that_a_token_may_be_signed_with(tmp_path: Path) -> None:
    """Our own, and those of others, but not one whose name is that of one of ours."""
    write_secret(tmp_path / "keys.json", key_set(key("own"), key("same")))
    own = OwnKeys(tmp_path, lambda: 0.0, NotedKeys())
    others = KeySet(read_keys(key_set(public(ES), public(key("same")))))
    tokens = Tokens(own, others, TokenRules(), time.time)
    expected = {*own.believed().values(), *others.believed().values()} - {others.find("same")}
    assert tokens.believed() == {each.thumbprint for each in expected if each}
    assert tokens.verify(token(ES)).key == KeySet(read_keys(key_set(ES))).keys["es"].thumbprint


def test_our_own_key_comes_first(tmp_path: Path) -> None:
    """Nobody else's key takes its name away."""
    write_secret(tmp_path / "keys.json", key_set(key("same")))
    own = OwnKeys(tmp_path, lambda: 0.0, NotedKeys())
    others = KeySet(read_keys(key_set(public(key("same")))))
    tokens = Tokens(own, others, TokenRules(), time.time)
    assert tokens.verify(tokens.sign(Identity("alice"), HOUR)).subject == "alice"
