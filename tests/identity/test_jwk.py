"""Keys as JSON: which are read, and for what."""

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.identity.jwk import (
    ALGORITHMS,
    MAX_SIZE,
    KeySet,
    new_key,
    read_document,
    read_key,
    read_keys,
)
from tests.support.tokens import key, key_set, public

NOT_OURS = [
    {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
    {"kty": "OKP", "crv": "Ed448", "x": "AA"},
    {"kty": "oct", "k": "c2hvcnQ"},
    {"kty": "oct"},
    {"kty": ["oct"], "k": "x"},
    {"kty": "EC", "crv": None},
    {},
]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_key_is_read_again(algorithm: str) -> None:
    """Whole, it signs; without its private part it only verifies, unless it is a secret."""
    members = new_key("k", algorithm)
    whole, shown = read_key(members), read_key(public(members))
    assert whole is not None
    assert shown is not None
    assert (whole.kid, whole.algorithm) == ("k", algorithm)
    assert whole.signing is not None
    assert (shown.signing is None) is (algorithm != "HS256")
    assert whole.verifying.key == shown.verifying.key


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_never_shows_its_secret(algorithm: str) -> None:
    """Not even in a traceback."""
    members = new_key("k", algorithm)
    assert repr(read_key(members)) == f"Key(kid='k', algorithm='{algorithm}')"


def test_a_key_is_known_by_the_thumbprint_of_the_standard() -> None:
    """The example of RFC 8037, appendix A.3, which is RFC 7638 for Ed25519."""
    members = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
    found = read_key(members)
    assert found is not None
    digest = bytes.fromhex(found.thumbprint)
    expected = b"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert urlsafe_b64encode(digest).rstrip(b"=") == expected


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_has_one_thumbprint(algorithm: str) -> None:
    """With its private part or without, under any name; and no other key has it."""
    members = key("k", algorithm)
    same = (members, public(members), members | {"kid": "other"})
    found = {each.thumbprint for each in map(read_key, (*same, key("k", algorithm))) if each}
    assert len(found) == 2


@pytest.mark.parametrize("members", NOT_OURS)
def test_keys_of_other_kinds_are_passed_over(members: dict[str, object]) -> None:
    """Sign-in services publish many; damaged ones and short secrets are of no use."""
    good = public(key("good"))
    assert read_key(members) is None
    assert [each.kid for each in read_keys(key_set(members, good))] == ["good"]


@pytest.mark.parametrize(
    "change",
    [{"alg": "ES384"}, {"alg": "HS256"}, {"use": "enc"}, {"kid": 7}, {"x": "AA"}, {"x": 1}],
)
def test_a_key_that_is_meant_for_something_else_is_passed_over(change: dict[str, object]) -> None:
    """What is written in it counts."""
    assert read_key(public(key("k")) | change) is None


def test_a_point_that_is_not_on_its_curve_is_no_key() -> None:
    """Such keys are made to leak others."""
    members = public(key("k"))
    assert read_key(members | {"y": members["x"]}) is None


def test_a_set_without_a_key_that_can_be_used_is_refused() -> None:
    """With what could be used."""
    with pytest.raises(ValueError, match=r"no key that can be used: .* HS256 \(32 bytes or more\)"):
        read_keys(key_set(*NOT_OURS))


def test_a_secret_that_everybody_can_read_is_none() -> None:
    """Where a set is public, secrets in it are passed over."""
    with pytest.raises(ValueError, match="it must be for ES256 or EdDSA"):
        read_keys(key_set(key("k", "HS256")), secrets_too=False)


def test_the_same_key_twice_is_one() -> None:
    """Also with its private part."""
    members = key("k")
    assert list(KeySet(read_keys(key_set(members, public(members)))).keys) == ["k"]


def test_two_keys_of_one_name_are_refused() -> None:
    """Nobody could say which one a token means."""
    for first, second in ((key("k"), key("k")), (key("k"), key("k", "HS256"))):
        with pytest.raises(ValueError, match="two different keys have the name 'k'"):
            KeySet(read_keys(key_set(first, second)))


def test_keys_without_names_are_told_apart_by_nothing() -> None:
    """One may be there, for tokens that name none."""
    nameless = {name: value for name, value in key("").items() if name != "kid"}
    assert KeySet(read_keys(key_set(nameless, key("k")))).find("") is not None
    assert KeySet(read_keys(key_set(key("j"), key("k")))).find("") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"keys": {}}', b'{"keys": [1]}', b"\xff", b'{"keys":' + b"[" * 9999],
)
def test_what_is_no_set_of_keys_is_refused(content: bytes) -> None:
    """In words."""
    with pytest.raises(ValueError, match="not a JWK Set: "):
        read_document(content)


def test_a_set_has_a_size() -> None:
    """Nothing larger is read."""
    with pytest.raises(ValueError, match="more than 65536 bytes"):
        read_document(key_set({"kid": "x" * MAX_SIZE}))


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "k", "x", "y", "d", "alg", "use", "kid"]),
        st.sampled_from(["oct", "EC", "OKP", "P-256", "Ed25519", "sig"])
        | st.none()
        | st.integers()
        | st.text(max_size=50),
    )
)
def test_whatever_the_members_there_is_a_key_or_none(members: dict[str, object]) -> None:
    """No key of others makes an error of ours."""
    for each in read_document(json.dumps({"keys": [members]}).encode()).keys:
        read_key(each)
