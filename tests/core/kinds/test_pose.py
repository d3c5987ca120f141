"""Camera positions: what is passed on, how it is written, and everything that is not."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Rejected
from camrelay.core.kinds.kind import Message
from camrelay.core.kinds.pose import Pose

POSE = Pose()
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
POSITIONS = st.fixed_dictionaries(
    {"x": FINITE, "y": FINITE, "z": FINITE},
    optional={
        "rotation": st.fixed_dictionaries(
            {"x": FINITE, "y": FINITE, "z": FINITE}, optional={"w": FINITE}
        ),
        "id": WHOLE | st.text(max_size=20),
        "t": WHOLE | FINITE,
    },
)


def read(payload: str | bytes) -> Message:
    """`payload` as a text message of a connection without a name."""
    data = payload.encode() if isinstance(payload, str) else payload
    return POSE.read(data, False, "")


def refusal(payload: str | bytes, is_binary: bool = False) -> Rejected:
    """How `payload` is refused."""
    data = payload.encode() if isinstance(payload, str) else payload
    with pytest.raises(Rejected) as caught:
        POSE.read(data, is_binary, "")
    return caught.value


def with_field(field: str) -> str:
    """A position with one more field, as it stands in JSON."""
    return f'{{"x":1,"y":2,"z":3,{field}}}'


def test_the_position_of_unity_comes_out_as_it_went_in() -> None:
    """What JsonUtility writes is what the phones get, byte for byte."""
    assert read('{"x":1.25,"y":-0.5,"z":3.0}') == Message(b'{"x":1.25,"y":-0.5,"z":3.0}')


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("1", "1.0"),
        ("-0.0", "-0.0"),
        ("1E-7", "1e-7"),
        ("1.5e+3", "1500.0"),
        ("0.10000000149011612", "0.10000000149011612"),
        ("-3.4028234663852886e38", "-3.4028234663852886e38"),
        ("1e-400", "0.0"),
        ("1.7976931348623157e308", "1.7976931348623157e308"),
        ("123456789012345678901234567890", "1.2345678901234568e29"),
    ],
)
def test_a_number_keeps_its_value(number: str, written: str) -> None:
    """Exponents, long decimals and whole numbers are numbers to every reader afterwards."""
    body = read(f'{{"x":{number},"y":0.0,"z":0.0}}').body
    assert body == f'{{"x":{written},"y":0.0,"z":0.0}}'.encode()
    assert json.loads(body)["x"] == float(number)


@given(POSITIONS)
def test_every_position_comes_through(position: dict[str, object]) -> None:
    """Known fields are passed on with their values, in one order, and the id is the key."""
    message = read(json.dumps(position))
    passed_on = json.loads(message.body)
    assert passed_on == position
    known = [name for name in ("x", "y", "z", "rotation", "id", "t") if name in position]
    assert list(passed_on) == known
    assert message.key == str(position.get("id", ""))


@given(st.text(max_size=60) | st.from_regex(r'\{("[xyz]":[-0-9.eE+NaIfinty]{1,8},?){1,4}\}'))
def test_what_is_passed_on_is_finite(text: str) -> None:
    """Whatever came, a phone that calls getDouble on x, y and z gets three finite numbers."""
    try:
        message = read(text)
    except Rejected:
        return
    document = json.loads(message.body)
    assert all(math.isfinite(document[axis]) for axis in "xyz")


@pytest.mark.parametrize(
    "field",
    [
        '"rotation":{"x":0.0,"y":0.0,"z":0.0,"w":1.0}',
        '"rotation":{"x":0.0,"y":90.0,"z":0.0}',
        '"id":"left hand"',
        '"id":7',
        '"t":1732096800123',
        '"t":0.25',
    ],
)
def test_a_known_field_is_carried(field: str) -> None:
    """Rotation as quaternion or Euler angles, id as text or whole number, time of any kind."""
    assert read(with_field(field)).body == f'{{"x":1.0,"y":2.0,"z":3.0,{field}}}'.encode()


@pytest.mark.parametrize(
    "field",
    [
        '"name":"x"',
        '"X":9',
        '"":0',
        '"x ":0',
        '"deep":{"x":[1,{"x":2}]}',
        '"rotation":null',
        '"id":null',
        '"t":null',
    ],
)
def test_an_unknown_field_is_not_carried(field: str) -> None:
    """Neither is one that says that it has nothing to say."""
    assert read(with_field(field)).body == b'{"x":1.0,"y":2.0,"z":3.0}'


def test_an_unknown_field_of_a_rotation_is_not_carried() -> None:
    """What is inside is read as strictly as what is outside."""
    body = read(with_field('"rotation":{"x":1,"y":2,"z":3,"order":"XYZ"}')).body
    assert json.loads(body)["rotation"] == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "blank"),
        (" \n", "blank"),
        ("hello", "malformed"),
        ("{", "malformed"),
        ('{"x"=1}', "malformed"),
        ("{'x':1,'y':2,'z':3}", "malformed"),
        ("{'x':1,y=2;'z'=>3}", "malformed"),
        ('{"x":1,"y":2,"z":3', "malformed"),
        ('{"x":1,"y":2,"z":3}}', "malformed"),
        ('{"x":1,"y":2,"z":3}{"x":1,"y":2,"z":3}', "malformed"),
        ('{"x":NaN,"y":2,"z":3}', "malformed"),
        ('{"x":1,"y":Infinity,"z":3}', "malformed"),
        ('{"x":1,"y":2,"z":-Infinity}', "malformed"),
        ('{"x":1,"y":2,"z":3,"extra":NaN}', "malformed"),
        ('{"x":1.,"y":2,"z":3}', "malformed"),
        ('{"x":.5,"y":2,"z":3}', "malformed"),
        ('{"x":+1,"y":2,"z":3}', "malformed"),
        ('{"x":0x1,"y":2,"z":3}', "malformed"),
        ('{"x":1,"y":2,"z":3,"id":"\\ud800"}', "malformed"),
        ("[" * 100_000, "wrong-type"),
        ('{"x":' + "[" * 100_000, "wrong-type"),
        ('{"x":1,"y":2,"z":3,"extra":' + "[" * 100_000, "malformed"),
        ("[1]", "wrong-type"),
        ("[1,2,3]", "wrong-type"),
        ("42", "wrong-type"),
        ("null", "wrong-type"),
        ("true", "wrong-type"),
        ('"x"', "wrong-type"),
        ("{}", "wrong-type"),
        ('{"x":1}', "wrong-type"),
        ('{"x":1,"y":2}', "wrong-type"),
        ('{"X":1,"Y":2,"Z":3}', "wrong-type"),
        ('{"x":1,"y":2,"z":null}', "wrong-type"),
        ('{"x":"1","y":2,"z":3}', "wrong-type"),
        ('{"x":"NaN","y":2,"z":3}', "wrong-type"),
        ('{"x":true,"y":2,"z":3}', "wrong-type"),
        ('{"x":[1],"y":2,"z":3}', "wrong-type"),
        ('{"x":{"y":1},"y":2,"z":3}', "wrong-type"),
        ('{"x":1e400,"y":2,"z":3}', "wrong-type"),
        ('{"x":-1e400,"y":2,"z":3}', "wrong-type"),
        ('{"x":1' + "0" * 400 + ',"y":2,"z":3}', "wrong-type"),
        ('{"x":1' + "0" * 5000 + ',"y":2,"z":3}', "wrong-type"),
        (with_field('"rotation":[0,0,0,1]'), "wrong-type"),
        (with_field('"rotation":{"x":0,"y":0}'), "wrong-type"),
        (with_field('"rotation":{"x":0,"y":0,"z":"0"}'), "wrong-type"),
        (with_field('"rotation":{"x":0,"y":0,"z":0,"w":1e999}'), "wrong-type"),
        (with_field('"id":1.5'), "wrong-type"),
        (with_field('"id":["a"]'), "wrong-type"),
        (with_field('"id":true'), "wrong-type"),
        (with_field('"id":9223372036854775808'), "wrong-type"),
        (with_field('"id":-9223372036854775809'), "wrong-type"),
        (with_field('"t":9223372036854775808'), "wrong-type"),
        (with_field('"t":"now"'), "wrong-type"),
        (with_field('"t":1e999'), "wrong-type"),
        (with_field('"t":1' + "0" * 400), "wrong-type"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_position_is_refused(payload: str, reason: str) -> None:
    """Everything that Python would relay, or that a phone would take for a position, is not."""
    assert refusal(payload).reason == reason


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", b'{"x":1.25,"y":-0.5,"z":3.0}'])
def test_binary_is_refused(payload: bytes) -> None:
    """Even if it would be a position as text."""
    assert refusal(payload, is_binary=True).reason == "binary"


@pytest.mark.parametrize("field", ['"id":7', '"id":"7"'])
def test_an_id_is_the_key_however_it_is_written(field: str) -> None:
    """A sender that changes from number to text is still one camera."""
    assert read(with_field(field)).key == "7"


def test_a_user_name_changes_nothing() -> None:
    """Positions say who they are by their id."""
    payload = b'{"x":1.0,"y":2.0,"z":3.0}'
    assert POSE.read(payload, False, "Anna") == Message(payload)


def test_the_size_of_a_position_can_be_chosen() -> None:
    """4 KiB unless the route says otherwise."""
    assert Pose().max_size == 4096
    assert Pose(max_size=100).max_size == 100


def test_the_newest_position_counts_and_everybody_sees_it() -> None:
    """What the room and the outbox make of positions hangs on these two."""
    assert (POSE.newest_counts, POSE.private) == (True, False)


def test_an_id_has_64_characters_at_most() -> None:
    """Names are kept for joiners: nobody may make them long."""
    longest = "x" * 64
    assert POSE.read(json.dumps({"x": 1, "y": 2, "z": 3, "id": longest}).encode(), False, "").key
    with pytest.raises(Rejected, match="wrong-type"):
        POSE.read(json.dumps({"x": 1, "y": 2, "z": 3, "id": longest + "x"}).encode(), False, "")
