"""The server's own keys in their file: made, changed, retired; and read while it runs."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from camrelay.core.errors import StartError
from camrelay.identity.jwk import ALGORITHMS
from camrelay.identity.key_file import KeyFile
from camrelay.identity.own_keys import OwnKeys
from tests.support.tokens import NotedKeys, key, key_set, public, write_secret


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """In a folder that is not there yet."""
    return KeyFile(tmp_path / "data")


class Running:
    """A server's own keys, at a time that stands still."""

    def __init__(self, file: KeyFile) -> None:
        """Read them."""
        self.seconds = 0.0
        self.noted = NotedKeys()
        self.keys = OwnKeys(file.path.parent, lambda: self.seconds, self.noted)


def kids(file: KeyFile) -> list[str]:
    """The names of the keys in the file, oldest first."""
    ring = file.read()
    return [] if ring is None else list(ring.keys.keys)


def complaint(file: KeyFile) -> str:
    """What is said of a file that cannot be used."""
    with pytest.raises(StartError) as caught:
        file.read()
    assert str(file.path) in str(caught.value)
    return str(caught.value)


# the file


def test_the_first_key_is_made_when_it_is_needed(file: KeyFile) -> None:
    """For the owner alone, in a folder for the owner alone."""
    assert file.read() is None
    made = file.read_or_make()
    assert file.read_or_make().signing.kid == made.signing.kid
    assert kids(file) == [made.signing.kid]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_processes_that_start_together_make_one_key(file: KeyFile) -> None:
    """They take turns."""
    with ThreadPoolExecutor(8) as threads:
        made = {ring.signing.kid for ring in threads.map(lambda _: file.read_or_make(), range(8))}
    assert len(made) == 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_key_is_believed_before_it_signs(file: KeyFile, algorithm: str) -> None:
    """So that it can reach all machines first; only the very first one signs at once."""
    first = file.add("HS256")
    second = file.add(algorithm)
    ring = file.read()
    assert ring is not None
    assert ring.signing.kid == first.kid
    assert ring.keys.keys[second.kid].algorithm == second.algorithm == algorithm


def test_to_rotate_is_to_sign_with_the_newest_key(file: KeyFile) -> None:
    """One is made, of the same kind, when the newest signs already."""
    first = file.rotate()
    waiting = file.add("ES256")
    assert file.rotate().kid == waiting.kid
    third = file.rotate()
    assert third.algorithm == "ES256"
    assert kids(file) == [first.kid, waiting.kid, third.kid]


def test_a_retired_key_is_gone(file: KeyFile) -> None:
    """And the others stay."""
    old, new = file.rotate(), file.rotate()
    file.retire(old.kid)
    assert kids(file) == [new.kid]


def test_the_key_that_signs_cannot_be_retired(file: KeyFile) -> None:
    """Nor one that is not there; both are told with what to do."""
    signing = file.rotate().kid
    for kid, said in (
        (signing, "is the key that signs: run `camrelay key rotate` first"),
        ("other", f"is not a key here; the keys are: {signing}"),
    ):
        with pytest.raises(StartError) as caught:
            file.retire(kid)
        assert str(caught.value) == f"KID: {kid!r} {said}"
    assert kids(file) == [signing]


def test_where_there_is_no_key_none_can_be_retired(file: KeyFile) -> None:
    """As in the wrong data directory."""
    with pytest.raises(StartError) as caught:
        file.retire("a")
    assert str(caught.value) == "KID: 'a' is not a key here; there are none yet"


def test_the_newest_key_of_a_set_of_others_signs(file: KeyFile) -> None:
    """A file that was made by hand or by a tool says nothing about signing."""
    file.path.parent.mkdir()
    write_secret(file.path, key_set(key("a"), key("b")))
    assert file.read_or_make().signing.kid == "b"
    added = file.add("ES256")
    assert file.read_or_make().signing.kid == "b"
    assert kids(file) == ["a", "b", added.kid]


def test_a_key_that_cannot_sign_is_not_rotated_to(file: KeyFile) -> None:
    """A new one is made instead."""
    file.path.parent.mkdir()
    document = {"signing": "a", "keys": [key("a"), public(key("b"))]}
    write_secret(file.path, json.dumps(document).encode())
    assert file.rotate().kid not in ("a", "b")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a JWK Set: Input data was truncated"),
        (b'{"keys": []}', "no key in it can sign"),
        (key_set(public(key("a"))), "no key in it can sign"),
        (json.dumps({"signing": "b", "keys": [key("a")]}).encode(), "no key in it can sign"),
        (key_set(key("a"), {"kty": "RSA"}), "key 2 cannot be used"),
        (key_set(key("")), "key 1 cannot be used"),
        (key_set(key("a"), key("a")), "two different keys have the name 'a'"),
    ],
)
def test_a_damaged_file_is_told_and_left_alone(file: KeyFile, content: bytes, why: str) -> None:
    """Nothing is written over what may be the only copy of a key."""
    file.path.parent.mkdir()
    write_secret(file.path, content)
    remedy = "restore a copy, or delete it, and everybody has to sign in again"
    assert complaint(file) == f"--data-dir: {str(file.path)!r} is damaged ({why}): {remedy}"
    if content != b'{"keys": []}':
        with pytest.raises(StartError):
            file.rotate()
        assert file.path.read_bytes() == content


def test_a_file_that_others_can_read_is_refused(file: KeyFile) -> None:
    """With the command that repairs it."""
    file.rotate()
    file.path.chmod(0o644)
    assert complaint(file).endswith(f"run chmod 600 {file.path}")


def test_a_group_that_may_read_the_file_may_do_so_afterwards(file: KeyFile) -> None:
    """As when an application that makes tokens shares it."""
    file.rotate()
    file.path.chmod(0o640)
    file.rotate()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the reason of the system, when a key is needed."""
    (tmp_path / "data").write_bytes(b"")
    file = KeyFile(tmp_path / "data" / "deeper")
    assert file.read() is None
    with pytest.raises(StartError) as caught:
        file.rotate()
    assert "cannot be written (Not a directory)" in str(caught.value)


# while it runs


def test_a_server_takes_the_keys_as_they_change(file: KeyFile) -> None:
    """At most a second later, and says so."""
    first = file.rotate().kid
    running = Running(file)
    second = file.rotate().kid
    assert running.keys.signing().kid == first
    running.seconds = 1.0
    assert running.keys.signing().kid == second
    assert running.keys.find(first) is not None
    assert running.noted.read == [(str(file.path), [first, second])]


def test_a_new_key_is_known_when_its_token_is_shown(file: KeyFile) -> None:
    """At once: whoever has just made the first token of a server can use it."""
    running = Running(file)
    first = file.rotate().kid
    assert running.keys.find(first) is not None
    second = file.rotate().kid
    assert running.keys.find("neither") is None
    assert running.keys.find(second) is not None
    assert running.keys.signing().kid == second


def test_the_first_key_is_made_to_sign(file: KeyFile) -> None:
    """Not to verify: there is nothing to be believed then."""
    running = Running(file)
    assert running.keys.find("a") is None
    assert not file.path.exists()
    signing = running.keys.signing().kid
    assert kids(file) == [signing]
    assert running.noted.read == [(str(file.path), [signing])]


def test_a_first_key_that_cannot_be_made_is_noted(tmp_path: Path) -> None:
    """With the reason, for the operator: whoever wants to sign in is not to see our folders."""
    (tmp_path / "data").write_bytes(b"")
    running = Running(KeyFile(tmp_path / "data" / "deeper"))
    with pytest.raises(StartError) as caught:
        running.keys.signing()
    assert running.noted.not_made == [str(caught.value)]


def test_the_keys_of_a_server_are_those_of_the_file(file: KeyFile) -> None:
    """Also when nobody asks for one by its name."""
    running = Running(file)
    assert running.keys.believed() == {}
    made = file.rotate().kid
    running.seconds = 1.0
    assert list(running.keys.believed()) == [made]


def test_a_key_that_another_process_has_made_is_taken(file: KeyFile) -> None:
    """Whoever comes second signs with it."""
    running, other = Running(file), Running(file)
    assert running.keys.signing().kid == other.keys.signing().kid


@pytest.mark.parametrize("damage", ["garbage", "open", "gone"])
def test_the_last_good_keys_stay(file: KeyFile, damage: str) -> None:
    """Whatever happens to the file; it is noted once, and so is its repair."""
    kid = file.rotate().kid
    content = file.path.read_bytes()
    running = Running(file)
    if damage == "garbage":
        file.path.write_bytes(b"garbage")
    elif damage == "open":
        file.path.chmod(0o644)
    else:
        file.path.unlink()
    for running.seconds in (1.0, 2.0, 3.0):
        assert running.keys.find(kid) is not None
    assert len(running.noted.not_read) == 1
    file.path.unlink(missing_ok=True)
    write_secret(file.path, content)
    running.seconds = 4.0
    assert running.keys.signing().kid == kid
    assert running.noted.read == [(str(file.path), [kid])]


def test_a_server_does_not_start_with_a_damaged_file(file: KeyFile) -> None:
    """It would sign everybody out."""
    file.path.parent.mkdir()
    write_secret(file.path, b"garbage")
    with pytest.raises(StartError):
        Running(file)


def test_the_file_is_looked_at_once_a_second(
    file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tokens come."""
    kid = file.rotate().kid
    running = Running(file)
    looks = []
    stat_of = os.stat
    monkeypatch.setattr(os, "stat", lambda *a, **k: looks.append(a) or stat_of(*a, **k))
    for running.seconds in (0.1, 0.5, 1.1, 1.2, 2.0, 2.2):
        running.keys.find(kid)
    assert len(looks) == 2
