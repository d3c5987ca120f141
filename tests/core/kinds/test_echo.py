"""Echoes: raw, JSON, and in the notation of Python."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Rejected
from camrelay.core.kinds.echo import JsonEcho, PythonEcho, RawEcho
from camrelay.core.kinds.kind import Message

RAW, JSON, PYTHON = RawEcho(), JsonEcho(), PythonEcho()


def answer(payload: str | bytes, is_binary: bool = False) -> str:
    """What the Python echo answers."""
    data = payload.encode() if isinstance(payload, str) else payload
    message = PYTHON.read(data, is_binary, "Anna")
    assert (message.key, message.is_binary) == ("", False)
    return message.body.decode()


@given(st.binary(), st.booleans())
def test_the_raw_echo_answers_with_the_same_bytes(payload: bytes, is_binary: bool) -> None:
    """Text as text, binary as binary, nothing as nothing."""
    assert RAW.read(payload, is_binary, "Anna") == Message(payload, is_binary=is_binary)


@pytest.mark.parametrize(
    ("payload", "echoed"),
    [
        ('{"message":"hello"}', '{"message":"hello"}'),
        ('{ "a": 1, "message" : {"x": [1, 2.50, null]} }', '{"message":{"x": [1, 2.50, null]}}'),
        ('{"message":"\\u00e9"}', '{"message":"\\u00e9"}'),
        ('{"message":null}', '{"message":null}'),
    ],
)
def test_the_json_echo_leaves_the_message_untouched(payload: str, echoed: str) -> None:
    """The document is made new, what is in `message` keeps every character."""
    assert JSON.read(payload.encode(), False, "Anna") == Message(echoed.encode())


@pytest.mark.parametrize(
    ("payload", "is_binary", "reason"),
    [
        (b"", False, "blank"),
        (b'{"message":}', False, "malformed"),
        (b'{"message":NaN}', False, "malformed"),
        (b"{}", False, "wrong-type"),
        (b"[1]", False, "wrong-type"),
        (b'{"message":1}', True, "binary"),
    ],
)
def test_the_json_echo_refuses_what_has_no_message(
    payload: bytes, is_binary: bool, reason: str
) -> None:
    """Under the reasons that every kind uses."""
    with pytest.raises(Rejected) as caught:
        JSON.read(payload, is_binary, "")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("payload", "echoed"),
    [
        ('{"x":1}', "{'x': 1}"),
        ('[1,"a",true,null,1.5]', "[1, 'a', True, None, 1.5]"),
        ('"s"', "s"),
        ("42", "42"),
        ("-0.0", "-0.0"),
        ("1e3", "1000.0"),
        ("false", "False"),
        ("null", "None"),
        ("{}", "{}"),
        (" [ 1 ,\n 2 ] ", "[1, 2]"),
        ('{"name":"日本"}', "{'name': '日本'}"),
        ('"it\'s"', "it's"),
        ('["it\'s"]', '["it\'s"]'),
        ("1" * 4300, "1" * 4300),
    ],
    ids=lambda value: value[:30],
)
def test_the_python_echo_answers_as_python_prints(payload: str, echoed: str) -> None:
    """Any JSON document, written as print() would write it."""
    assert answer(payload) == f"Echo: {echoed}"


def test_the_python_echo_answers_with_valid_text() -> None:
    """Half a surrogate pair is no text: it comes back as its escape."""
    assert answer('"\\ud800"') == "Echo: \\ud800"


@pytest.mark.parametrize(
    ("payload", "line", "column"),
    [
        ('{"x"=1}', 1, 5),
        ("hello", 1, 1),
        ('{"a":1,\n "b":oops}', 2, 6),
        ("[1] [2]", 1, 5),
        ('{"x":', 1, 6),
        ("\ufeff{}", 1, 1),
    ],
)
def test_the_python_echo_names_line_and_column(payload: str, line: int, column: int) -> None:
    """People type at this echo: they are shown where they mistyped."""
    assert answer(payload).startswith(f"Error: not JSON at line {line} column {column}: ")


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ("", "the message is empty"),
        ("  ", "the message is empty"),
        ("NaN", "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ('{"x":-Infinity}', "-Infinity is not JSON"),
        ("1e400", "the number 1e400 is out of range"),
        ("-1" + "0" * 400 + ".5", "the number -1" + "0" * 38 + " is out of range"),
        ("[" * 100_000, "nested too deep, or a number with too many digits"),
        ("1" * 4301, "nested too deep, or a number with too many digits"),
    ],
    ids=lambda value: value[:30],
)
def test_the_python_echo_answers_every_other_mistake(payload: str, error: str) -> None:
    """What Python would take although it is no JSON is told as well, and nothing is thrown."""
    assert answer(payload) == f"Error: {error}"


def test_the_python_echo_answers_binary() -> None:
    """An answer is more use than silence."""
    assert answer(b"{}", is_binary=True) == "Error: send a text message, not a binary one"


@given(st.text(max_size=50))
def test_the_python_echo_always_answers(payload: str) -> None:
    """Whatever is typed, there is an answer, and it is an echo only for JSON."""
    said = answer(payload)
    if said.startswith("Echo: "):
        assert said == f"Echo: {json.loads(payload)}"
    else:
        assert said.startswith("Error: ")


@pytest.mark.parametrize(
    ("kind", "size"), [(RawEcho, 1 << 24), (JsonEcho, 65536), (PythonEcho, 65536)]
)
def test_the_size_of_a_message_can_be_chosen(
    kind: type[RawEcho | JsonEcho | PythonEcho], size: int
) -> None:
    """Each has a limit, and a route may say another."""
    assert kind().max_size == size
    assert kind(max_size=100).max_size == 100


@pytest.mark.parametrize("kind", [RAW, JSON, PYTHON])
def test_an_echo_is_for_its_sender_alone(kind: RawEcho | JsonEcho | PythonEcho) -> None:
    """Every message counts, and nobody else gets it."""
    assert (kind.newest_counts, kind.private) == (False, True)
