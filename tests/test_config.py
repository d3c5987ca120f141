"""The settings: where they come from, which source wins, and how a wrong one is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from camrelay.config import (
    OPTIONS,
    RouteSetting,
    Settings,
    data_directory,
    load,
    survey,
    unknown_variables,
)
from camrelay.core.errors import StartError
from tests.support.process import Process
from tests.support.server import clean_environment, relay_command

Complain = Callable[..., str]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, where `.env` and `camrelay.toml` are looked for."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaint(
    given: dict[str, object] | None = None,
    environ: dict[str, str] | None = None,
    file: str | None = None,
) -> str:
    """The one line that stops the start."""
    with pytest.raises(StartError) as caught:
        load(given or {}, environ or {}, file)
    said = str(caught.value)
    assert "\n" not in said
    return said


# sources


def test_nothing_needs_to_be_set() -> None:
    """Without any source the defaults hold."""
    assert load({}, {}, None) == Settings()


def test_the_stronger_source_wins(directory: Path) -> None:
    """File, `.env`, environment, command line: each beats those before it, setting by setting."""
    (directory / "camrelay.toml").write_text(
        "message-rate = 1\nretain = 1\nmax-connections = 1\nping-interval = 1\nport = 1"
    )
    (directory / ".env").write_text(
        "CAMRELAY_RETAIN=2\nCAMRELAY_MAX_CONNECTIONS=2\nCAMRELAY_PING_INTERVAL=2\nCAMRELAY_PORT=2"
    )
    environ = {"CAMRELAY_MAX_CONNECTIONS": "3", "CAMRELAY_PING_INTERVAL": "3", "PORT": "3"}
    settings = load({"ping_interval": "4"}, environ, None)
    assert settings == Settings(
        message_rate=1.0, retain=2.0, max_connections=3, ping_interval=4.0, port=3
    )


def test_our_own_name_of_the_port_beats_the_one_of_platforms() -> None:
    """Within one source, CAMRELAY_PORT says it more exactly than PORT."""
    assert load({}, {"CAMRELAY_PORT": "8080", "PORT": "5000"}, None).port == 8080
    assert load({}, {"PORT": "5000"}, None).port == 5000


def test_the_redis_of_a_platform_is_used() -> None:
    """Platforms that rent one name it REDIS_URL."""
    assert load({}, {"REDIS_URL": "redis://rented"}, None).redis == "redis://rented"
    environ = {"CAMRELAY_REDIS": "redis://own", "REDIS_URL": "redis://rented"}
    assert load({}, environ, None).redis == "redis://own"


@pytest.mark.parametrize("name", ["PORT", "CAMRELAY_CERTIFICATE", "CAMRELAY_LISTEN"])
def test_an_empty_variable_says_nothing(name: str) -> None:
    """Container platforms pass variables on that nobody set."""
    assert load({}, {name: ""}, None) == Settings()


def test_variables_of_others_are_none_of_our_business() -> None:
    """An environment is full of names; only ours are looked at."""
    assert load({}, {"port": "1", "TLS": "1", "MESSAGE_RATE": "1"}, None) == Settings()


def test_a_dotenv_file_is_read_as_shells_write_it(directory: Path) -> None:
    """With export, quotes and comments."""
    (directory / ".env").write_text(
        "# the port of the day\nexport PORT='5000'\n"
        'CAMRELAY_ALLOWED_ORIGIN="https://a.example https://b.example"  # two\n'
    )
    settings = load({}, {}, None)
    assert settings.port == 5000
    assert settings.allowed_origin == ("https://a.example", "https://b.example")


def test_a_file_of_another_name_is_read_when_asked_for(directory: Path) -> None:
    """And then `camrelay.toml` is not."""
    (directory / "camrelay.toml").write_text("port = 1\ntls = true")
    (directory / "other.toml").write_text("port = 2")
    assert load({}, {}, "other.toml") == Settings(port=2)


def test_one_file_can_hold_everything(directory: Path) -> None:
    """Every setting in TOML's own types, with hyphens or underscores."""
    (directory / "camrelay.toml").write_text(
        """
        port = 8443
        tls = true
        listen = ["tcp:8080", "unix:/run/relay"]
        certificate = "chain.pem"
        certificate-dir = "certificates"
        client-ca = "clients.pem"
        client-certificate = "optional"
        private-key = "key.pem"
        private_key_passphrase_file = "passphrase"
        data-dir = "/var/lib/räume"
        message-rate = 0.5
        connections-per-address = 0
        max-connections = 100
        max-message-size = 1024
        retain = 30
        allowed-origin = ["https://app.example", "http://localhost:3000"]
        jwks = ["shared.json", "https://login.example/jwks"]
        token-audience = "relay"
        token-issuer = "https://login.example"
        token-leeway = 0
        ping-interval = 20
        handshake-timeout = 2.5
        compression = true
        log-format = "json"

        [[routes]]
        path = "/ws/robots/{room}"
        kind = "pose"
        options = { max_size = 1000 }

        [[routes]]
        path = "/ws/shout"
        kind = "kinds:Shout"
        """,
        "utf-8",
    )
    assert load({}, {}, None) == Settings(
        port=8443,
        tls=True,
        listen=("tcp:8080", "unix:/run/relay"),
        certificate="chain.pem",
        certificate_dir="certificates",
        client_ca="clients.pem",
        client_certificate="optional",
        private_key="key.pem",
        private_key_passphrase_file="passphrase",
        data_dir="/var/lib/räume",
        message_rate=0.5,
        connections_per_address=0,
        max_connections=100,
        max_message_size=1024,
        retain=30.0,
        allowed_origin=("https://app.example", "http://localhost:3000"),
        jwks=("shared.json", "https://login.example/jwks"),
        token_audience="relay",
        token_issuer="https://login.example",
        token_leeway=0.0,
        ping_interval=20.0,
        handshake_timeout=2.5,
        compression=True,
        log_format="json",
        routes=(
            RouteSetting("/ws/robots/{room}", "pose", {"max_size": 1000}),
            RouteSetting("/ws/shout", "kinds:Shout"),
        ),
    )


@pytest.mark.parametrize("value", ["true", "True", "1"])
def test_the_environment_can_turn_a_switch_on(value: str) -> None:
    """In the spellings that people use for it."""
    assert load({}, {"CAMRELAY_TLS": value}, None).tls is True


@pytest.mark.parametrize("value", ["false", "FALSE", "0"])
def test_the_environment_can_turn_a_switch_off(directory: Path, value: str) -> None:
    """Although the file turned it on."""
    (directory / "camrelay.toml").write_text("tls = true")
    assert load({}, {"CAMRELAY_TLS": value}, None).tls is False


def test_one_value_is_enough_where_many_may_be(directory: Path) -> None:
    """A list of one need not be written as a list."""
    (directory / "camrelay.toml").write_text('listen = "tcp:8080"')
    assert load({}, {}, None).listen == ("tcp:8080",)


# wrong values


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("port", "70000", "a whole number from 0 to 65535"),
        ("port", "-1", "a whole number from 0 to 65535"),
        ("port", "80.5", "a whole number from 0 to 65535"),
        ("port", "http", "a whole number from 0 to 65535"),
        ("port", "", "a whole number from 0 to 65535"),
        ("message_rate", "fast", "a number from 0 to 1000000000"),
        ("message_rate", "nan", "a number from 0 to 1000000000"),
        ("message_rate", "inf", "a number from 0 to 1000000000"),
        ("message_rate", "-0.1", "a number from 0 to 1000000000"),
        ("connections_per_address", "-1", "a whole number of 0 or more"),
        ("max_connections", "many", "a whole number of 0 or more"),
        ("max_message_size", "1023", "a whole number from 1024 to 16777216"),
        ("max_message_size", "16777217", "a whole number from 1024 to 16777216"),
        ("retain", "-1", "a number from 0 to 1000000000"),
        ("ping_interval", "0", "a number from 0.1 to 3600"),
        ("handshake_timeout", "3601", "a number from 0.1 to 3600"),
        ("log_format", "xml", "json or text"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(name: str, value: str, wanted: str) -> None:
    """Option, value, what it takes and what it is for, wherever the value was said."""
    option = OPTIONS[name]
    rest = f"{value!r} is not allowed, use {wanted}: {option.description}"
    assert complaint({name: value}) == f"{option.flag}: {rest}"
    if value:
        variable = f"CAMRELAY_{name.upper()}"
        assert complaint(environ={variable: value}) == f"environment {variable}: {rest}"
    Path("camrelay.toml").write_text(f"{name} = '{value}'")
    assert complaint() == f"camrelay.toml: {name}: {rest}"


@pytest.mark.parametrize(
    ("line", "complains"),
    [
        ("port = true", "port: True is not allowed, use a whole number from 0 to 65535: "),
        ("tls = 'maybe'", "tls: 'maybe' is not allowed, use true or false: "),
        ("compression = 2", "compression: 2 is not allowed, use true or false: "),
        ("certificate = 5", "certificate: 5 is not allowed, use text: "),
        ("listen = 8080", "listen: 8080 is not allowed, use text: "),
        ("listen = ['tcp:8080', 1]", "listen: 1 is not allowed, use text: "),
    ],
)
def test_a_value_of_the_wrong_type_is_told(line: str, complains: str) -> None:
    """In a file, where values have types."""
    Path("camrelay.toml").write_text(line)
    assert complaint().startswith(f"camrelay.toml: {complains}")


@pytest.mark.parametrize(
    "origin",
    ["app.example", "https://app.example/", "https://App.example", "ftp://app.example", "https://"],
)
def test_an_origin_that_no_browser_would_send_is_told(origin: str) -> None:
    """It would never match: better to hear of it at the start than from the users."""
    said = complaint({"allowed_origin": ("https://fine.example", origin)})
    wanted = "use an origin such as https://app.example, or *: "
    assert said.startswith(f"--allowed-origin: {origin!r} is not allowed, {wanted}")


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ("path = '/x'", "Object missing required field kind"),
        ("kind = 'pose'", "Object missing required field path"),
        ("path = '/x'\nkind = 'pose'\nrom = 'y'", "Object contains unknown field rom"),
        ("path = 1\nkind = 'pose'", "Expected str, got int - at $.path"),
    ],
)
def test_a_wrong_route_is_told(route: str, problem: str) -> None:
    """With the whole table, and what a table holds."""
    Path("camrelay.toml").write_text(f"[[routes]]\n{route}")
    said = complaint()
    assert said.startswith("camrelay.toml: routes: {")
    assert "is not allowed, use a table of path, kind, options, access, " in said
    assert f" ({problem}): " in said


def test_a_setting_that_does_not_exist_is_told() -> None:
    """A typing error in the file is not ignored; the names that exist are listed as written."""
    Path("camrelay.toml").write_text("mesage-rate = 100")
    said = complaint()
    assert said.startswith("camrelay.toml: mesage-rate: 100 is not a setting; they are: port, tls,")
    assert ", message-rate, " in said


def test_the_place_of_a_wrong_value_in_a_dotenv_file_is_told() -> None:
    """People look for it in the right place then."""
    Path(".env").write_text("PORT=http")
    assert complaint().startswith(".env PORT: 'http' is not allowed")


def test_a_file_that_was_asked_for_has_to_be_there() -> None:
    """Only `camrelay.toml` may be missing."""
    said = complaint(file="missing.toml")
    assert said == "--config: 'missing.toml' cannot be read: No such file or directory"


def test_a_file_that_cannot_be_read_is_told() -> None:
    """A directory of the name is no file."""
    Path("camrelay.toml").mkdir()
    assert complaint() == "--config: 'camrelay.toml' cannot be read: Is a directory"


@pytest.mark.parametrize(
    "content", [b"port: 8080", b"port = ", b"[routes", b"data-dir = '\xff'", b"a = 1\na = 2"]
)
def test_a_file_that_is_no_toml_is_told(content: bytes) -> None:
    """With what the reader says about the place."""
    Path("camrelay.toml").write_bytes(content)
    assert complaint().startswith("--config: 'camrelay.toml' is not TOML: ")


def test_everything_that_is_wrong_is_found_at_once() -> None:
    """Whoever looks through the settings hears of all of them; what is right holds."""
    Path("camrelay.toml").write_text("mesage-rate = 100\nretain = 5\nport = 'http'")
    settings, wrong = survey({"log_format": "xml"}, {"CAMRELAY_TLS": "maybe"}, None)
    assert settings == Settings(retain=5.0)
    places = [str(each).partition(": ")[0] for each in wrong]
    assert places == ["camrelay.toml", "camrelay.toml", "environment CAMRELAY_TLS", "--log-format"]


def test_the_rest_is_looked_at_although_the_file_cannot_be_read() -> None:
    """A missing file is one mistake among others."""
    _, wrong = survey({"log_format": "xml"}, {}, "missing.toml")
    assert [each.option for each in wrong] == ["--config", "--log-format"]


def test_a_variable_that_sets_nothing_is_found(directory: Path) -> None:
    """A misspelt name is told with the one that was meant; all others are not ours."""
    (directory / ".env").write_text("CAMRELAY_REDIS_UNSECURE=1")
    environ = {"CAMRELAY_MESAGE_RATE": "1", "CAMRELAY_PORT": "1", "CAMRELAY_ARGS": "", "X": ""}
    assert unknown_variables(environ | {"CAMRELAY_XYZZY": "1"}) == [
        ".env CAMRELAY_REDIS_UNSECURE is not a setting: did you mean CAMRELAY_REDIS_INSECURE?",
        "environment CAMRELAY_MESAGE_RATE is not a setting: did you mean CAMRELAY_MESSAGE_RATE?",
        "environment CAMRELAY_XYZZY is not a setting",
    ]


# where things are kept


def test_things_are_kept_where_the_operator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """--data-dir, or the state directory that systemd made, or the user's own."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/camrelay")
    assert data_directory(Settings(data_dir="/srv/relay")) == Path("/srv/relay")
    assert data_directory(Settings()) == Path("/var/lib/camrelay")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/anna/data")
    assert data_directory(Settings()).name == "camrelay"


# through a real process


def failed_start(directory: Path, *options: str, **environment: str) -> str:
    """What a twistd that cannot start prints; its exit code must say so too."""
    command = relay_command(directory, *options)
    with Process(command, directory, clean_environment() | environment) as process:
        assert process.wait() == 1
        return process.log


def test_a_wrong_value_on_the_command_line_stops_the_start(directory: Path) -> None:
    """One line, no traceback, and an exit code that scripts see."""
    said = failed_start(directory, "--port", "70000")
    assert said == (
        "camrelay: --port: '70000' is not allowed, use a whole number from 0 to 65535: "
        "TCP port, 0 for a free one (default: 8443 with TLS, 8080 without)\n"
    )


def test_a_wrong_value_in_the_environment_stops_the_start(directory: Path) -> None:
    """The same, and it says that it was the environment."""
    said = failed_start(directory, CAMRELAY_LOG_FORMAT="xml")
    assert said.startswith("camrelay: environment CAMRELAY_LOG_FORMAT: 'xml' is not allowed")
    assert said.count("\n") == 1


def test_a_wrong_value_in_the_file_stops_the_start(directory: Path) -> None:
    """The file in the working directory, where twistd was started."""
    (directory / "camrelay.toml").write_text("max-message-size = 1")
    said = failed_start(directory)
    assert said.startswith("camrelay: camrelay.toml: max-message-size: 1 is not allowed")
    assert said.count("\n") == 1


def test_an_endpoint_that_is_none_stops_the_start(directory: Path) -> None:
    """What only Twisted can judge is told in the same way."""
    said = failed_start(directory, "--listen", "tls+tpc:8443")
    assert said.startswith("camrelay: --listen: 'tls+tpc:8443' is not an endpoint")
    assert said.count("\n") == 1


def test_an_option_that_does_not_exist_stops_the_start(directory: Path) -> None:
    """twistd shows the options that exist, and then the one that does not."""
    said = failed_start(directory, "--prot", "8080")
    assert "--port=" in said
    assert said.splitlines()[-1].endswith("option --prot not recognized")


def test_options_that_may_be_repeated_are_all_heard(directory: Path) -> None:
    """Each --listen is a listener of its own."""
    options = ["--listen", "tcp:0:interface=127.0.0.1"] * 2
    command = relay_command(directory, *options)
    with Process(command, directory, clean_environment()) as process:
        process.wait_for_log(r"(?s)(open http://localhost:\d+/.*){2}")


def test_every_option_is_in_the_help() -> None:
    """With its description."""
    command = relay_command(Path.cwd(), "--help")
    with Process(command, Path.cwd(), clean_environment()) as process:
        assert process.wait() == 0
        for option in OPTIONS.values():
            if option.name != "routes":
                assert option.flag in process.log
