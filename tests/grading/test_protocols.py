"""Photo protocols: the built-in ones, how one serves another, and a clinic's own from a file."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.protocols import (
    JENA9,
    JENA12,
    MEEI8,
    PROTOCOLS,
    STAND_INS,
    Protocol,
    ProtocolError,
    load_protocol,
    pose_map,
    stand_ins,
)
from grading.scales import PREDICTED_ITEMS

PAGE = (Path(__file__).parents[2] / "docs" / "scales.md").read_text()
POSES = {code for protocol in PROTOCOLS.values() for code in protocol.by_code}

OWN = """
id = "our-clinic"
name = "Our clinic, three photos"
provisional = true
poses = [
    { code = "REST", name = "Neutral face" },
    { code = "SMILE", name = "Smile, closed mouth", note = "after a countdown" },
    { code = "PROFILE", name = "Profile", required = false },
]
"""


def save(folder: Path, text: str | bytes, name: str = "own.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_photos_are_numbered_from_one_and_each_shows_another_pose(protocol: Protocol) -> None:
    assert [pose.number for pose in protocol.poses] == list(range(1, len(protocol.poses) + 1))
    assert len(protocol.by_code) == len(protocol.poses)
    assert protocol.required
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]{0,15}", code) for code in protocol.by_code)


def test_the_later_jena_list_holds_the_nine_and_asks_for_no_unknown_photo() -> None:
    assert set(JENA9.by_code) < set(JENA12.by_code)
    assert len(JENA12.poses) == 12
    assert JENA12.provisional
    assert [pose.code for pose in JENA12.poses if not pose.required] == ["REST2"]
    assert not JENA9.provisional


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_a_protocol_serves_itself(protocol: Protocol) -> None:
    assert pose_map(protocol, protocol) == {code: code for code in protocol.by_code}
    assert stand_ins(protocol, protocol) == {}


def test_the_eight_photos_serve_the_nine_but_for_nose_and_lowered_corners() -> None:
    assert pose_map(MEEI8, JENA9) == {
        "REST": "REST",
        "BROW": "BROW",
        "EYESOFT": "EYESOFT",
        "EYETIGHT": "EYETIGHT",
        "NOSE": None,
        "SMILE": "SMILE",
        "TEETH": "TEETH",
        "PUCKER": "PUCKER",
        "CORNERS": None,
    }
    shown = {code: MEEI8.by_code[code].number for code in pose_map(MEEI8, JENA9).values() if code}
    assert shown == {
        "REST": 1,
        "BROW": 2,
        "EYESOFT": 3,
        "EYETIGHT": 4,
        "SMILE": 5,
        "PUCKER": 7,
        "TEETH": 8,
    }
    assert "mouth may be open" in MEEI8.by_code["SMILE"].note


def test_every_predicted_item_can_be_read_from_each_built_in_protocol() -> None:
    for protocol in PROTOCOLS.values():
        assert all(pose_map(protocol, JENA9)[item.pose or ""] for item in PREDICTED_ITEMS)


def test_a_photo_of_another_pose_stands_in_only_with_its_difference_said() -> None:
    assert pose_map(JENA9, JENA12)["SNARL"] == "NOSE"
    assert pose_map(JENA9, JENA12)["CHEEKS"] is None
    assert pose_map(JENA9, MEEI8)["SMILE_LARGE"] == "TEETH"
    for source in PROTOCOLS.values():
        for target in PROTOCOLS.values():
            shown = pose_map(source, target)
            assert list(shown) == list(target.by_code)
            assert all(code is None or code in source.by_code for code in shown.values())
            others = {wanted for wanted, code in shown.items() if code not in (None, wanted)}
            assert others == set(stand_ins(source, target))
    assert all(stand_in.difference for stand_in in STAND_INS)
    assert {code for stand_in in STAND_INS for code in (stand_in.wanted, stand_in.shown)} <= POSES


def test_a_closed_smile_stands_in_for_no_movement_of_open_lips(tmp_path: Path) -> None:
    own = load_protocol(save(tmp_path, OWN))
    assert pose_map(own, MEEI8)["SMILE_LARGE"] is None
    assert pose_map(own, JENA9)["TEETH"] is None


def test_the_best_of_several_stand_ins_is_taken(tmp_path: Path) -> None:
    """A large smile is looked for in the closed smile's place only where that is missing."""
    text = OWN.replace('"PROFILE"', '"SMILE_LARGE"')
    own = load_protocol(save(tmp_path, text))
    assert pose_map(own, JENA9)["SMILE"] == "SMILE"
    larger = load_protocol(save(tmp_path, text.replace('"SMILE"', '"BROW"')))
    assert pose_map(larger, JENA9)["SMILE"] == "SMILE_LARGE"


def test_a_clinic_defines_its_own_protocol_in_a_file(tmp_path: Path) -> None:
    own = load_protocol(save(tmp_path, OWN))
    assert (own.id, own.name, own.provisional) == ("our-clinic", "Our clinic, three photos", True)
    assert [(pose.number, pose.code) for pose in own.poses] == [(1, "REST"), (2, "SMILE"), (3, "PROFILE")]
    assert [pose.code for pose in own.required] == ["REST", "SMILE"]
    assert own.by_code["SMILE"].note == "after a countdown"


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_a_built_in_protocol_can_be_written_as_a_file(protocol: Protocol, tmp_path: Path) -> None:
    poses = [
        {"code": pose.code, "name": pose.name, "required": pose.required}
        | ({"note": pose.note} if pose.note else {})
        for pose in protocol.poses
    ]
    table = {"id": "copy", "name": protocol.name, "provisional": protocol.provisional, "poses": poses}
    copy = load_protocol(save(tmp_path, "\ufeff" + json.dumps(table), "copy.JSON"))
    assert copy.poses == protocol.poses
    assert (copy.name, copy.provisional) == (protocol.name, protocol.provisional)


@pytest.mark.parametrize(
    ("found", "written", "told"),
    [
        ('id = "our-clinic"', "", "id must be text of 1 to 32 small letters"),
        ('"our-clinic"', '"Our clinic"', "id must be text of 1 to 32 small letters"),
        ('"our-clinic"', '"jena9"', "choose another id"),
        ('"Our clinic, three photos"', '" "', "name must be one line of text"),
        ('"Our clinic, three photos"', '"a\\nb"', "name must be one line of text"),
        ('"Our clinic, three photos"', f'"{"x" * 65}"', "at most 64 characters"),
        ("provisional = true", "provisional = 1", "provisional must be true or false"),
        ("provisional", "provisonal", "'provisonal' is not known"),
        ('"SMILE"', '"smile"', "pose 2: code must be text of 1 to 16 capital letters"),
        ('"SMILE"', f'"{"S" * 17}"', "pose 2: code must be text of 1 to 16 capital letters"),
        ('"SMILE"', '"REST"', "two poses have the same code"),
        ('name = "Profile", ', "", "pose 3: name must be one line of text"),
        ('"after a countdown"', "5", "pose 2: note must be one line of text"),
        ("required = false", 'required = "no"', "pose 3: required must be true or false"),
        ("required = false", "number = 3", "pose 3: 'number' is not known"),
        ('{ code = "PROFILE", name = "Profile", required = false }', '"PROFILE"', "pose 3 must be a table"),
        ('face" }', 'face", required = false }', None),
        ("poses = [", "poses = [[", "not valid TOML"),
    ],
)
def test_a_mistake_in_the_file_is_told(found: str, written: str, told: str | None, tmp_path: Path) -> None:
    assert found in OWN
    path = save(tmp_path, OWN.replace(found, written, 1))
    if told is None:
        assert [pose.code for pose in load_protocol(path).required] == ["SMILE"]
        return
    with pytest.raises(ProtocolError, match=re.escape(told)) as refused:
        load_protocol(path)
    assert "own.toml" in str(refused.value)
    assert refused.value.code == "protocol.invalid"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("own.yaml", b"id: own", "name it .toml or .json"),
        ("own.json", b"[1, 2]", "must be a table"),
        ("own.json", b"{", "not valid JSON"),
        ("own.json", b"[" * 100_000, "not valid JSON"),
        ("own.toml", b"id = '\xff'", "save it as UTF-8"),
        ("own.toml", b"id = 'own'\nname = 'Own'\nposes = []", "a list of 1 to 99 tables"),
        (
            "own.toml",
            b"id = 'own'\nname = 'Own'\nposes = [{code = 'REST', name = 'Rest', required = false}]",
            "no pose is required",
        ),
    ],
)
def test_a_file_that_is_no_protocol_is_refused(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=re.escape(told)):
        load_protocol(save(tmp_path, content, name))


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ProtocolError, match=path.name):
            load_protocol(path)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_POSE = st.fixed_dictionaries({}, optional=dict.fromkeys(("code", "name", "required", "note"), _VALUES))
_PROTOCOL = st.fixed_dictionaries(
    {},
    optional={
        "id": _VALUES | st.just("own"),
        "name": _VALUES | st.just("Own"),
        "provisional": _VALUES,
        "poses": _VALUES | st.lists(_POSE | st.just({"code": "REST", "name": "Rest"}), max_size=3),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(_PROTOCOL, _VALUES).map(json.dumps) | st.text(max_size=40))
def test_whatever_a_file_holds_it_is_a_protocol_or_refused(tmp_path: Path, text: str) -> None:
    path = save(tmp_path, text.encode(errors="surrogatepass"), "own.json")
    try:
        own = load_protocol(path)
    except ProtocolError:
        return
    assert own.required
    assert len(own.by_code) == len(own.poses)


@pytest.mark.parametrize("name", sorted([*PROTOCOLS, *POSES]))
def test_every_protocol_and_pose_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE
