"""`camrelay token` and `camrelay key` as people type them."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner

from camrelay.core.grants import RULE
from camrelay.core.identity import Grants, Identity
from camrelay.identity.jwk import KeySet
from camrelay.identity.own_keys import OwnKeys
from camrelay.identity.tokens import TokenRules, Tokens
from camrelay.tools.main import main
from tests.support.tokens import NotedKeys
from tests.tools.commands import run_camrelay

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What a command prints, in a folder of its own with the keys in `data`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        ran = CliRunner().invoke(main, arguments, env={"CAMRELAY_DATA_DIR": "data"})
        assert ran.exit_code == 0
        return ran.stdout

    return run


@pytest.fixture
def complain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What a command that fails says last."""
    monkeypatch.chdir(tmp_path)

    def complain(*arguments: str) -> str:
        ran = CliRunner().invoke(main, arguments, env={"CAMRELAY_DATA_DIR": "data"})
        assert isinstance(ran.exception, SystemExit)
        assert ran.stdout == ""
        return ran.stderr.splitlines()[-1]

    return complain


def read(folder: Path, text: str, rules: TokenRules | None = None) -> Identity:
    """Whom a server with the keys in `folder` takes the bearer for."""
    own = OwnKeys(folder / "data", time.monotonic, NotedKeys())
    return Tokens(own, KeySet(), rules or TokenRules(), time.time).verify(text.rstrip("\n"))


def test_the_installed_command_prints_a_token(tmp_path: Path) -> None:
    """As a script would use it: nothing but the token on standard output."""
    ran = run_camrelay("token", "--subject", "alice", "--data-dir", "data", cwd=tmp_path)
    assert ran.returncode == 0
    assert read(tmp_path, ran.stdout).subject == "alice"
    made = tmp_path / "data" / "keys.json"
    assert ran.stderr == f"made {made}: the server has to use the same --data-dir\n"


def test_a_token_is_printed_alone_on_its_line(run: Run, tmp_path: Path) -> None:
    """The first one makes the first key; the server believes it."""
    text = run("token", "--subject", "alice", "--room", "chat/*", "--ttl", "1h")
    assert text.count("\n") == 1
    identity = read(tmp_path, text)
    assert identity.subject == "alice"
    assert identity.grants == Grants(("chat/*",), ("chat/*",))
    assert time.time() + 3500 < identity.expires_at < time.time() + 3700
    assert not identity.is_guest


def test_a_token_says_all_that_was_asked_for(run: Run, tmp_path: Path) -> None:
    """Rooms to read only, channels, a name."""
    identity = read(
        tmp_path,
        run(
            *("token", "--subject", "screen", "--name", "The Screen", "--read-only"),
            *("--room", "camera/lab", "--room", "chat/**", "--send", "jobs", "--receive", "*"),
        ),
    )
    assert identity.shown_as == "The Screen"
    assert identity.grants == Grants(("camera/lab", "chat/**"), (), ("jobs",), ("*",))


@pytest.mark.parametrize(
    ("ttl", "seconds"), [("90", 90), ("30s", 30), ("15m", 900), ("2h", 7200), ("7d", 604800)]
)
def test_a_time_is_written_with_its_unit(run: Run, ttl: str, seconds: int) -> None:
    """Seconds, when there is none."""
    text = run("token", "--subject", "a", "--ttl", ttl)
    claims = jwt.decode(text.rstrip(), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize("ttl", ["0", "1w", "-1h", "1.5h", "367d", "", "h"])
def test_a_time_that_cannot_be_is_told(complain: Run, ttl: str) -> None:
    """With what can."""
    said = complain("token", "--subject", "a", f"--ttl={ttl}")
    assert said.endswith(f"{ttl!r} is not from 1s to 366d, such as 30s, 15m, 1h or 7d")


def test_a_token_is_made_for_the_servers_own_rules(run: Run, tmp_path: Path) -> None:
    """Audience and issuer come from the settings of the server."""
    (tmp_path / "camrelay.toml").write_text('token-audience = "relay"\ntoken-issuer = "us"\n')
    text = run("token", "--subject", "alice")
    assert read(tmp_path, text, TokenRules("relay", "us")).subject == "alice"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--room", "chat/l*"), f"Error: the pattern 'chat/l*' cannot be used: {RULE}"),
        (("--send", "a/b"), "Error: the pattern 'a/b' cannot be used: use the name of a channel"),
        (("--name", "\u202e"), "Error: the name '\\u202e' holds '\\u202e': use 1 to 32"),
        (("--subject", "x" * 200), "Error: the token cannot be used: Expected str of length <="),
        (("--room", "x" * 60 + "/**") * 140, "Error: the token is too long: at most 8192"),
    ],
    ids=["room", "channel", "name", "subject", "length"],
)
def test_a_token_that_nobody_could_use_is_not_made(
    complain: Run, options: tuple[str, ...], said: str
) -> None:
    """It is read before it is printed."""
    assert complain("token", "--subject", "alice", *options).startswith(said)


def test_keys_are_made_rotated_and_retired(run: Run, tmp_path: Path) -> None:
    """One command each; the token of a retired key is worth nothing."""
    first = run("key", "new").strip()
    text = run("token", "--subject", "alice")
    second = run("key", "new", "--algorithm", "ES256").strip()
    assert [line.split() for line in run("key", "list").splitlines()] == [
        [first, "HS256", "signs"],
        [second, "ES256", "is", "believed"],
    ]
    assert run("key", "rotate").strip() == second
    assert jwt.get_unverified_header(run("token", "--subject", "a").strip()) == {
        "alg": "ES256",
        "kid": second,
        "typ": "JWT",
    }
    assert read(tmp_path, text).subject == "alice"
    assert run("key", "retire", first) == ""
    assert [line.split()[0] for line in run("key", "list").splitlines()] == [second]


def test_no_command_shows_a_secret(run: Run, tmp_path: Path) -> None:
    """Only names and kinds."""
    shown = run("key", "new") + run("key", "list") + run("key", "rotate") + run("key", "list")
    for members in json.loads((tmp_path / "data" / "keys.json").read_bytes())["keys"]:
        assert members["k"] not in shown


def test_where_there_are_no_keys_yet_is_told(run: Run, tmp_path: Path) -> None:
    """Listing makes none."""
    path = tmp_path / "data" / "keys.json"
    assert run("key", "list") == f"no keys yet: {path} is made when the first one is needed\n"
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("key", "retire", "x"), "Error: KID: 'x' is not a key here; there are none yet"),
        (("key", "new", "--algorithm", "RS256"), "Error: Invalid value for '--algorithm'"),
        (("key", "list", "--config", "none.toml"), "Error: --config: 'none.toml' cannot be read"),
        (("token",), "Error: Missing option '--subject'."),
    ],
)
def test_a_mistake_is_one_line(complain: Run, arguments: tuple[str, ...], said: str) -> None:
    """Without a traceback."""
    assert complain(*arguments).startswith(said)


def test_keys_that_others_can_read_are_refused(run: Run, complain: Run, tmp_path: Path) -> None:
    """By every command."""
    run("key", "new")
    path = tmp_path / "data" / "keys.json"
    path.chmod(0o644)
    for command in (("key", "list"), ("key", "rotate"), ("token", "--subject", "alice")):
        assert complain(*command).endswith(f"(mode 644): run chmod 600 {path}")
