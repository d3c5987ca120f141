"""`camrelay check` as an operator runs it: every problem is told, and nothing is changed."""

import json
import resource
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from camrelay.tools.check.certificate import expiry
from camrelay.tools.check.limits import look_at_limit
from camrelay.tools.findings import Level
from tests.support.redis import RedisServer, free_port
from tests.tools.commands import call_camrelay, run_camrelay

Check = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Run it with --json in a folder of its own: `check("--tls")` is exit code and report."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # kinds of somebody's own are looked for there

    def run(*options: str | Path, **environment: str) -> tuple[int, dict[str, Any]]:
        ports = () if {"--port", "--listen"} & set(options) else ("--port", "0")
        data = () if "--data-dir" in options else ("--data-dir", tmp_path / "data")
        said = (*ports, *data, *options)
        ran = call_camrelay("check", "--json", *said, cwd=tmp_path, **environment)
        assert ran.stderr == ""
        report = json.loads(ran.stdout)
        assert isinstance(report, dict)
        return ran.returncode, report

    return run


def texts(report: dict[str, Any], subject: str, level: str) -> list[str]:
    """What was said about a subject on a level."""
    return [
        f"{each['text']}: {each['remedy']}"
        for each in report["findings"]
        if (each["subject"], each["level"]) == (subject, level)
    ]


def is_listening(port: int) -> bool:
    """Whether somebody answers there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def pair(folder: Path, life: timedelta = timedelta(days=90)) -> Path:
    """A certificate with its key in one file, for so long from now."""
    file = folder / "pair.pem"
    file.touch(mode=0o600)
    issued = trustme.CA().issue_cert("relay.example", not_after=datetime.now(UTC) + life)
    file.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    return file


def test_with_good_settings_all_is_well(check: Check, tmp_path: Path) -> None:
    """Exit code 0, no finding that is not ok, and nothing was made."""
    code, report = check("--tls")
    assert code == 0
    assert report["level"] == "ok"
    assert {each["level"] for each in report["findings"]} == {"ok"}
    assert list(tmp_path.iterdir()) == []


def test_every_problem_is_told_at_once(check: Check, tmp_path: Path) -> None:
    """File, environment, command line, routes, ports, certificate: one run names them all."""
    (tmp_path / "camrelay.toml").write_text(
        "mesage-rate = 5\n[[routes]]\npath = '/a'\nkind = 'no:where'\n"
        "[[routes]]\npath = 'b'\nkind = 'pose'\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"tls+tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        code, report = check(
            *("--listen", listen, "--certificate", "missing.pem", "--ping-interval", "0"),
            CAMRELAY_TLS="maybe",
        )
    assert code == 2
    wrong = [each["text"] for each in report["findings"] if each["level"] == "problem"]
    starts = (
        "camrelay.toml: mesage-rate: 5 is not a setting",
        "environment CAMRELAY_TLS: 'maybe' is not allowed",
        "--ping-interval: '0' is not allowed",
        "kind of route /a: 'no:where' cannot be imported",
        "route path: 'b' must look like",
        f"{listen} cannot be listened on (Address already in use)",
        f"--certificate: '{tmp_path / 'missing.pem'}' cannot be read",
    )
    assert len(wrong) == len(starts)
    for said, start in zip(wrong, starts, strict=True):
        assert said.startswith(start)


def test_a_misspelt_variable_is_a_warning(check: Check) -> None:
    """The server would start; --strict is for those who want to hear of it in a script."""
    code, report = check(CAMRELAY_MESAGE_RATE="5")
    assert code == 0
    (said,) = texts(report, "settings", "warning")
    assert "CAMRELAY_MESAGE_RATE is not a setting: did you mean CAMRELAY_MESSAGE_RATE?" in said
    assert check("--strict", CAMRELAY_MESAGE_RATE="5")[0] == 1


def test_the_port_of_a_running_server_is_no_problem_when_told(check: Check) -> None:
    """An operator checks new settings before the restart."""
    with socket.create_server(("::", 0), family=socket.AF_INET6) as taken:
        port = str(taken.getsockname()[1])
        code, report = check("--port", port)
        assert code == 2
        assert "add --running" in texts(report, "listen", "problem")[0]
        assert check("--port", port, "--running")[0] == 0


def test_nobody_can_connect_while_ports_are_tried(check: Check) -> None:
    """A port is free again afterwards."""
    port = free_port()
    assert check("--port", str(port))[0] == 0
    assert not is_listening(port)


def test_a_socket_file_is_looked_at(check: Check, tmp_path: Path) -> None:
    """In a folder that is not there none can be made; one that answers is taken."""
    code, report = check("--listen", f"unix:{tmp_path}/missing/relay")
    assert code == 2
    assert "No such file or directory" in texts(report, "listen", "problem")[0]
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(tmp_path / "relay"))
        taken.listen()
        code, report = check("--listen", f"unix:{tmp_path}/relay")
        assert "Address already in use" in texts(report, "listen", "problem")[0]
    assert check("--listen", f"unix:{tmp_path}/relay")[0] == 0


def test_an_endpoint_that_cannot_be_read_is_told(check: Check) -> None:
    """Each of them."""
    code, report = check("--listen", "nonsense:1", "--listen", "tcp:0", "--listen", "tcp:http")
    assert code == 2
    assert len(texts(report, "listen", "problem")) == 2


def test_the_admin_listener_is_looked_at_too(check: Check, tmp_path: Path) -> None:
    """One that everybody could reach is refused as at the start; one that is taken is told."""
    code, report = check("--admin", "tcp:0")
    assert code == 2
    assert "--admin" in texts(report, "listen", "problem")[0]
    code, report = check("--admin", f"unix:{tmp_path}/missing/admin.sock")
    assert code == 2
    assert "No such file or directory" in texts(report, "listen", "problem")[0]
    assert check("--admin", f"unix:{tmp_path}/admin.sock")[0] == 0


def test_a_good_certificate_is_told_with_its_end(check: Check, tmp_path: Path) -> None:
    """The pair fits, and the operator sees for how long."""
    code, report = check("--tls", "--certificate", pair(tmp_path))
    assert code == 0
    (said,) = texts(report, "certificate", "ok")
    assert "its key fit; good until" in said
    assert "89 days" in said


def test_a_certificate_that_ends_soon_is_a_warning() -> None:
    """Two weeks are left to renew it by hand."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert expiry("c", now + timedelta(days=14), now).level is Level.OK
    soon = expiry("c", now + timedelta(days=13), now)
    assert soon.level is Level.WARNING
    assert "2026-01-14, 13 days" in soon.text


def test_an_expired_certificate_is_a_problem(check: Check, tmp_path: Path) -> None:
    """The server would not start with it."""
    code, report = check("--tls", "--certificate", pair(tmp_path, -timedelta(days=1)))
    assert code == 2
    assert "expired on" in texts(report, "certificate", "problem")[0]


def test_each_certificate_of_a_folder_is_told(check: Check, tmp_path: Path) -> None:
    """The start would go on with the good one; whoever checks wants to know of both."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name, life in (("a", timedelta(days=90)), ("b", -timedelta(days=1))):
        pair(tmp_path, life).rename(folder / f"{name}.pem")
    code, report = check("--tls", "--certificate-dir", folder)
    assert code == 2
    assert "a.pem and its key fit" in texts(report, "certificate", "ok")[0]
    assert "b.pem' expired on" in texts(report, "certificate", "problem")[0]


def test_a_certificate_that_nobody_would_see_is_a_problem(check: Check, tmp_path: Path) -> None:
    """As at the start."""
    code, report = check("--certificate", pair(tmp_path))
    assert code == 2
    assert "nothing serves TLS" in texts(report, "certificate", "problem")[0]


def test_a_data_directory_that_cannot_be_written_to(check: Check, tmp_path: Path) -> None:
    """A file stands where the folder should be: without the development certificate no start."""
    (tmp_path / "file").touch()
    where = ("--data-dir", tmp_path / "file" / "data", "--history", "off")
    code, report = check("--tls", *where)
    assert code == 2
    assert "cannot be written to" in texts(report, "data", "problem")[0]
    assert texts(check(*where)[1], "data", "warning")


def test_the_place_of_the_history_is_told(check: Check) -> None:
    """And when it does not go together with the rest."""
    assert texts(check("--history", "off")[1], "history", "ok") == ["is not kept: "]
    code, report = check("--history", "redis")
    assert code == 2
    assert "needs --redis URL" in texts(report, "history", "problem")[0]


def test_keys_that_cannot_be_read_are_told(check: Check, tmp_path: Path) -> None:
    """Those of the server, and each place where those of others are."""
    (tmp_path / "data").mkdir()
    keys = tmp_path / "data" / "keys.json"
    keys.touch(mode=0o600)
    keys.write_text("{}")
    code, report = check("--jwks", "missing.json", "--jwks", "https://")
    assert code == 2
    said = texts(report, "keys", "problem")
    assert len(said) == 3
    assert "keys.json' is damaged" in said[0]
    assert "missing.json' cannot be read" in said[1]


def test_keys_are_counted(check: Check, tmp_path: Path) -> None:
    """With the name of the one that signs."""
    made = call_camrelay("key", "new", "--data-dir", tmp_path / "data")
    _, report = check("--jwks", "https://login.example/jwks.json")
    assert texts(report, "keys", "ok") == [
        f"1 of its own; {made.stdout.strip()} signs: ",
        "those of https://login.example/jwks.json are accepted: ",
    ]


def test_a_redis_that_answers(check: Check, redis_server: RedisServer) -> None:
    """With the password, which is not shown."""
    redis_server.set_password("s3cret")
    url = f"redis://:s3cret@127.0.0.1:{redis_server.port}"
    code, report = check(REDIS_URL=url)
    assert code == 0
    (said,) = texts(report, "redis", "ok")
    assert "answers in" in said
    assert "s3cret" not in json.dumps(report)


@pytest.mark.parametrize("password", ["", ":wrong@"])
def test_a_redis_that_refuses_is_a_warning(
    check: Check, redis_server: RedisServer, password: str
) -> None:
    """The server would start, and wait for it."""
    redis_server.set_password("s3cret")
    code, report = check("--redis", f"redis://{password}127.0.0.1:{redis_server.port}")
    assert code == 0
    assert "does not answer" in texts(report, "redis", "warning")[0]


def test_workers_without_redis_are_a_problem(check: Check) -> None:
    """As at the start."""
    code, report = check("--workers", "2")
    assert code == 2
    assert "add --redis URL" in texts(report, "redis", "problem")[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--redis", "http://x"), "must begin with one of redis://"),
        (("--redis", "rediss://x", "--redis-ca", "missing.pem"), "missing.pem' cannot be read"),
    ],
)
def test_a_redis_that_the_server_could_not_even_ask(
    check: Check, options: tuple[str, ...], said: str
) -> None:
    """That stops the start."""
    code, report = check(*options)
    assert code == 2
    assert said in texts(report, "redis", "problem")[0]


def test_few_open_files_are_told() -> None:
    """With the number of connections for which they are enough, and with what raises them."""
    assert look_at_limit(None, 100_000).level is Level.OK
    assert look_at_limit(65536, None).level is Level.OK
    few = look_at_limit(1024, None)
    assert few.level is Level.WARNING
    assert "LimitNOFILE" in few.remedy
    wanted = look_at_limit(65536, 100_000)
    assert wanted.level is Level.WARNING
    assert "not for --max-connections 100000" in wanted.text


def test_the_limit_is_that_of_this_process(check: Check) -> None:
    """Taken from the kernel."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, report = check()
    said = [each["text"] for each in report["findings"] if each["subject"] == "open files"]
    assert said[0].startswith(f"{hard} at most" if hard != resource.RLIM_INFINITY else "are not")


OWN_ROUTES = """
[[routes]]
path = "/ws/robots/{room}"
kind = "pose"
options = { max_size = 512 }
access = "token"
limits = { members = 5 }

[[routes]]
path = "/ws/robots/{name}"
kind = "chat"
"""


def test_the_routes_are_a_table_in_the_order_in_which_they_are_tried(tmp_path: Path) -> None:
    """One's own before those built in; one that another hides is told."""
    (tmp_path / "camrelay.toml").write_text(OWN_ROUTES)
    ran = run_camrelay("check", "--port", "0", "--data-dir", tmp_path, cwd=tmp_path)
    assert ran.returncode == 0
    assert "warning  routes       /ws/robots/{name} is there twice: remove one" in ran.stdout
    lines = [line.split() for line in ran.stdout.splitlines()]
    options = ("max_size=512,", "access='token',", "members=5")
    first = lines.index(["/ws/robots/{room}", "pose", *options, "your", "file"])
    assert lines.index(["/ws/camera", "pose", "built", "in"]) == first + 2
    assert lines.index(["/{room}", "text", "built", "in"]) > first
    assert ran.stdout.endswith("1 warning\n")


def test_routes_that_are_wrong_together_are_told(check: Check, tmp_path: Path) -> None:
    """Each of them could be, but one would open the rooms of the other."""
    (tmp_path / "camrelay.toml").write_text(
        "[[routes]]\npath = '/u/{room}'\nkind = 'chat'\n"
        "[[routes]]\npath = '/u/{user}'\nkind = 'chat'\n"
    )
    code, report = check()
    assert code == 2
    (text,) = texts(report, "routes", "problem")
    assert "would not belong to the user alone: /u/{room} leads there too" in text


def test_the_routes_are_there_for_machines_too(check: Check, tmp_path: Path) -> None:
    """With options as they are."""
    (tmp_path / "camrelay.toml").write_text(OWN_ROUTES)
    _, report = check()
    first = report["routes"][0]
    assert (first["path"], first["kind"]) == ("/ws/robots/{room}", "pose")
    assert (first["options"], first["access"]) == ({"max_size": 512}, "token")
    assert (first["from"], report["routes"][-1]["from"]) == ("your file", "built in")


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("--trusted-proxy", "10.0.0.1/8"), "10.0.0.1/8' is not a network"),
        (("--listen", "proxy+tcp:0"), "needs a trusted proxy"),
        (("--listen", "redirect+tcp:0"), "has no TLS listener to redirect to"),
    ],
)
def test_listeners_that_lack_something_are_found(
    check: Check, options: tuple[str, ...], wrong: str
) -> None:
    """Proxies that cannot be read or are not named, and TLS that is not there."""
    code, report = check(*options)
    assert code == 2
    (text,) = texts(report, "listen", "problem")
    assert wrong in text
