"""The phone of a camera room: a real OkHttp 3.13 client at a real relay over TLS."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event

import pytest
import websocket

from tests.conftest import StartRelay
from tests.support.process import Process
from tests.support.server import Server, clean_environment, start_relay

CHECKOUT = Path(__file__).parents[2]
JARS = [Path("/usr/share/java", name) for name in ("okhttp.jar", "okio.jar", "json-android.jar")]
SAMPLE = CHECKOUT / "deploy" / "examples" / "android" / "CameraReceiver.java"
SECONDS_BETWEEN_POSITIONS = 0.1
TOO_MUCH_CHAT = 20_000_000  # bytes: more than kernel buffers and outbox hold together
StartPhone = Callable[..., Process]


@pytest.fixture(scope="module")
def java_programs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command line of Java up to the name of a program, all of them freshly compiled."""
    missing = [jar for jar in JARS if not jar.exists()]
    if missing or not shutil.which("javac"):
        pytest.skip(
            "no OkHttp client to test with: apt-get install "
            "default-jdk-headless libokhttp-java libandroid-json-org-java"
        )
    classes = tmp_path_factory.mktemp("classes")
    libraries = ":".join(map(str, JARS))
    sources = [*(CHECKOUT / "tests" / "clients").glob("*.java"), SAMPLE]
    subprocess.run(["javac", "-cp", libraries, "-d", classes, *sources], check=True)
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{libraries}:{classes}"]


@pytest.fixture
def phone(java_programs: list[str], tmp_path: Path) -> Iterator[StartPhone]:
    """Start a phone that is connected: `phone(server, "/ws/camera", "text to send", "count")`."""
    with ExitStack() as running:

        def start(server: Server, path: str, *sends: str) -> Process:
            command = [*java_programs, "Receiver", address(server, path), str(server.authority)]
            program = Process([*command, *sends], tmp_path, clean_environment())
            running.enter_context(program)
            program.wait_for_log("open\n", timeout=30)
            return program

        yield start


def address(server: Server, path: str) -> str:
    """The URL of `path` on `server`."""
    return f"wss://localhost:{server.port}{path}"


def camera(server: Server, path: str = "/ws/camera") -> closing[websocket.WebSocket]:
    """An independent sender: websocket-client, trusting the development authority."""
    tls = {"ca_certs": str(server.authority)}
    return closing(websocket.create_connection(address(server, path), timeout=10, sslopt=tls))


def positions(program: Process) -> list[tuple[float, ...]]:
    """What the phone drew so far."""
    drawn = re.findall(r"position (\S+) (\S+) (\S+)\n", program.log)
    return [tuple(map(float, numbers)) for numbers in drawn]


def wait_for_position(program: Process, x: float) -> None:
    """Return once the phone drew a circle at `x`."""
    program.wait_for_log(rf"position {re.escape(str(float(x)))} ")


def json_of(x: float, y: float, z: float) -> str:
    """A position as Unity's JsonUtility writes it."""
    return f'{{"x":{x},"y":{y},"z":{z}}}'


@pytest.mark.parametrize("path", ["/ws/camera", "/ws/camera/"])
def test_each_position_arrives_once_and_in_order(
    relay_with: StartRelay, phone: StartPhone, path: str
) -> None:
    """Ten a second from an independent sender, exactly as sent, whichever slash the phone uses."""
    server = relay_with("--tls")
    receiver = phone(server, path)
    sent = [(number / 8, 1.6000000238418579, -1e-07 * number) for number in range(20)]
    pace = Event()
    with camera(server) as sender:
        for position in sent:
            sender.send(json_of(*position))
            pace.wait(SECONDS_BETWEEN_POSITIONS)
        own = [json.loads(sender.recv()) for _ in sent]
        sender.send(json_of(99, 0, 0))
        wait_for_position(receiver, 99)
    assert positions(receiver) == [*sent, (99.0, 0.0, 0.0)]
    assert [(back["x"], back["y"], back["z"]) for back in own] == sent


def test_a_late_joiner_gets_the_last_position_at_once(
    relay_with: StartRelay, phone: StartPhone
) -> None:
    """The camera stands still and sends nothing more: the second phone draws it all the same."""
    server = relay_with("--tls")
    first = phone(server, "/ws/camera")
    with camera(server) as sender:
        for x in (1, 2, 3):
            sender.send(json_of(x, 0.5, -0.5))
        wait_for_position(first, 3)
        second = phone(server, "/ws/camera/")
        wait_for_position(second, 3)
        sender.send(json_of(4, 0, 0))
        for receiver in (first, second):
            wait_for_position(receiver, 4)
    assert positions(second) == [(3.0, 0.5, -0.5), (4.0, 0.0, 0.0)]
    assert [x for x, _, _ in positions(first)] == [1, 2, 3, 4]


def test_two_rooms_do_not_mix(relay_with: StartRelay, phone: StartPhone) -> None:
    """A phone in a named room sees the camera of that room and no other."""
    server = relay_with("--tls")
    receiver = phone(server, "/ws/camera/studio-2")
    with camera(server) as elsewhere, camera(server, "/ws/camera/studio-2/") as sender:
        elsewhere.send(json_of(1, 0, 0))
        elsewhere.recv()
        sender.send(json_of(2, 0, 0))
        wait_for_position(receiver, 2)
    assert [x for x, _, _ in positions(receiver)] == [2]


def test_the_phone_never_sees_what_it_cannot_parse(
    relay_with: StartRelay, phone: StartPhone
) -> None:
    """Between good positions, everything that once broke the phone: none of it gets through."""
    server = relay_with("--tls")
    receiver = phone(server, "/ws/camera")
    bad = ['{"x":1}', '{"x":NaN,"y":0,"z":0}', '{"x":1e400,"y":0,"z":0}', "[1]", "42", "", " ", "{"]
    bad += ['{"x":"1","y":"2","z":"3"}', '{"x":null,"y":0,"z":0}', '{"x":true,"y":0,"z":0}']
    with camera(server) as sender:
        for text in bad:
            sender.send(text)
        sender.send_binary(json_of(7, 7, 7).encode())
        sender.send(json_of(1, 2, 3))
        wait_for_position(receiver, 1)
    assert receiver.log == "open\nposition 1.0 2.0 3.0\n"


def test_going_away_reaches_the_phone(relay_with: StartRelay, phone: StartPhone) -> None:
    """A server that is stopped closes with 1001 and a time to come back; the phone ends it well."""
    server = relay_with("--tls")
    receiver = phone(server, "/ws/camera")
    server.stop()
    receiver.wait_for_log(r"closing 1001 .+: come back in \d+ ms\nclosed 1001\n")
    assert receiver.wait() == 0


def test_garbage_flood_reaches_the_phone(relay_with: StartRelay, phone: StartPhone) -> None:
    """Whoever floods garbage is told so with 4100: its application must not come back in a loop."""
    server = relay_with("--tls")
    receiver = phone(server, "/ws/camera", "no position", "5000")
    receiver.wait_for_log(r"closing 4100 .+\nclosed 4100\n")
    assert receiver.wait() == 0


def test_slow_consumer_reaches_the_phone(relay_with: StartRelay, phone: StartPhone) -> None:
    """A phone that slept through too much chat is told with 4000 that it may come back."""
    server = relay_with("--tls", "--message-rate", "0")
    receiver = phone(server, "/ws/chat/busy")
    receiver.send_signal(signal.SIGSTOP)
    try:
        with camera(server, "/ws/chat/busy") as speaker:
            for _ in range(TOO_MUCH_CHAT // 10_000):
                if "code 4000" in server.log:
                    break  # the phone has to wake up before the server gives up on its answer
                speaker.send(json.dumps({"message": "x" * 10_000}))
                speaker.recv()
    finally:
        receiver.send_signal(signal.SIGCONT)
    receiver.wait_for_log(r"closing 4000 .+\nclosed 4000\n")
    assert receiver.wait() == 0


def test_the_sample_receiver_comes_back_by_itself(java_programs: list[str], tmp_path: Path) -> None:
    """The Android example draws, and draws again when the server has been started anew."""
    with start_relay(tmp_path, "--tls") as server:
        where = [address(server, "/ws/camera"), str(server.authority)]
        phone = Process([*java_programs, "SamplePhone", *where], tmp_path, clean_environment())
        with phone, camera(server) as sender:
            sender.send(json_of(1, 0, 0))
            wait_for_position(phone, 1)
            server.stop()
            with start_relay(tmp_path, "--tls", "--port", str(server.port)), camera(server) as back:
                back.send(json_of(2, 0, 0))
                wait_for_position(phone, 2)
