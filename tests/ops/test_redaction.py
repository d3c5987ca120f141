"""Secrets in text that somebody else has made."""

import pytest

from camrelay.ops.redaction import HIDDEN, redacted

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/ws/chat/lobby&token=s3cret", f"/ws/chat/lobby&token={HIDDEN}"),
        ("/a?x=1&access_token=s3cret&y=2", f"/a?x=1&access_token={HIDDEN}&y=2"),
        ("/a&session_key=s3cret", f"/a&session_key={HIDDEN}"),
        ("/a%3Ftoken%3Ds3cret", f"/a%3Ftoken%3D{HIDDEN}"),
        ("/a;Token=s3cret;b", f"/a;Token={HIDDEN};b"),
        ("GET / Authorization: Bearer s3cret", f"GET / Authorization: {HIDDEN}"),
        (
            "b'Cookie: camrelay=s3cret; a=b\\r\\nHost: x'",
            f"b'Cookie: {HIDDEN}\\r\\nHost: x'",
        ),
        ('{"token": "s3cret", "x": 1}', f'{{"token": "{HIDDEN}", "x": 1}}'),
        ("{'password': b's3cret'}", f"{{'password': b'{HIDDEN}'}}"),
        ('b\'{\\"token\\":\\"s3cret\\"}\'', f'b\'{{\\"token\\":\\"{HIDDEN}\\"}}\''),
        ("redis://alice:s3cret@10.0.0.5:6379/0", f"redis://alice:{HIDDEN}@10.0.0.5:6379/0"),
        ("redis://:s3cret@10.0.0.5", f"redis://:{HIDDEN}@10.0.0.5"),
        (f"who is {JWT}?", f"who is {HIDDEN}?"),
        (f"Bearer%20{JWT}", f"Bearer%20{HIDDEN}"),
    ],
)
def test_a_secret_is_hidden(text: str, shown: str) -> None:
    """And nothing else of the text."""
    assert redacted(text) == shown


def test_nobody_can_keep_it_busy() -> None:
    """A path may begin a token again and again; each place of it is looked at a few times only."""
    text = "/" + "eyJ-" * 500_000
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the token has expired: come back with a new one",
        "no token came within 5 s",
        "keys of /var/lib/camrelay/keys.json: 20261120-b83f28",
        "certificate /c/key.pem for relay.example until 2027-02-03",
        "connect /ws/chat/secret from 198.51.100.7:5000 as abc-1",
        "https://id.example/keys was not read",
        "this token is for somebody else: its audience is 'games'",
        "alice@relay.example",
    ],
)
def test_everything_else_is_shown(text: str) -> None:
    """Whoever looks for a fault needs the words."""
    assert redacted(text) == text
