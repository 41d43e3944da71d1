"""What the commands on cohorts and bundles say of input they cannot use: one line, status 1, no traceback."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grading.bundle import COMMISSIONING_BUNDLE
from grading.protocols import JENA9
from service import cli

Table = list[dict[str, str]]


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Two patients and a healthy person; nothing here looks into their photos."""
    folder = tmp_path / "cohort"
    for subject in ("A", "B", "C"):
        place = folder / subject / "1"
        place.mkdir(parents=True)
        for pose in JENA9.poses:
            (place / f"{pose.number}.jpg").touch()
    rows = [
        dict(zip(("subject", "session", "person", "group", "side", "R1", "M1"), cells, strict=True))
        for cells in (
            ("A", "1", "", "palsy", "L", "50", "10"),
            ("B", "1", "", "palsy", "R", "150", "40"),
            ("C", "1", "", "healthy", "", "100", "100"),
        )
    ]
    write(folder, rows)
    return folder


def read(folder: Path) -> Table:
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write(folder: Path, rows: Table) -> None:
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]) if rows else ["subject", "session", "group", "R1"])
        table.writeheader()
        table.writerows(rows)


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that has to end with status 1 and one line; give that line."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["facialis", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 1
        told = capsys.readouterr().err
        assert "Traceback" not in told
        (line,) = (line for line in told.splitlines() if line.startswith("error "))
        return line

    return run


def cell(row: int, **values: str) -> Callable[[Table], Table]:
    def change(rows: Table) -> Table:
        rows[row].update(values)
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (cell(1, R1="201"), "labels.csv row 3: R1 must be between 0 and 200"),
        (cell(0, M1="-1"), "labels.csv row 2: M1 must be between 0 and 100"),
        (cell(0, M1="nan"), "labels.csv row 2: M1 must be between"),
        (cell(0, M1="inf"), "labels.csv row 2: M1 must be between"),
        (cell(2, M1="well"), "labels.csv row 4: M1 must be between"),
        (cell(1, group="both"), "labels.csv row 3: the group must be palsy or healthy"),
        (cell(2, side="L"), "row 4: a healthy recording has no affected side: leave it empty"),
        (cell(1, subject="Z"), "labels.csv row 3: Z/1: the series is not a folder of photos: give a folder"),
        (cell(1, subject="A"), "labels.csv row 3: row 2 is of the same recording: keep one"),
        (lambda rows: [], "labels.csv has no rows: add one per recording"),
        (lambda rows: rows[:1], "the cohort has only one person: add recordings of others"),
        (lambda rows: [row | {"person": "p", "group": "palsy"} for row in rows[:2]], "only one person"),
        (lambda rows: [row | {"R1": "70"} for row in rows], "R1 has the same label in every recording: add"),
        (lambda rows: [rows[0], rows[1] | {"M1": ""}, rows[2] | {"M1": ""}], "M1 is labelled for fewer than"),
        (cell(0, side=""), "the affected side of A/1 is not given: put L or R into the column side"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_labels_that_cannot_be_used_are_named_before_any_photo_is_read(
    command: str,
    change: Callable[[Table], Table],
    words: str,
    cohort: Path,
    tmp_path: Path,
    refusal: Callable[..., str],
) -> None:
    write(cohort, change(read(cohort)))
    assert words in refusal(command, cohort, "--out", tmp_path / "out")


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
def test_a_missing_photo_is_named_with_its_row(
    command: str, cohort: Path, tmp_path: Path, refusal: Callable[..., str]
) -> None:
    (cohort / "B" / "1" / "4.jpg").unlink()
    bundle = [COMMISSIONING_BUNDLE] if command == "predict" else []
    line = refusal(command, *bundle, cohort, "--out", tmp_path / "out")
    assert "labels.csv row 3: B/1: the series lacks photo 4 EYETIGHT" in line


def test_a_subject_in_two_groups_is_named(cohort: Path, tmp_path: Path, refusal: Callable[..., str]) -> None:
    shutil.copytree(cohort / "A" / "1", cohort / "A" / "2")
    rows = read(cohort)
    write(cohort, [*rows, rows[0] | {"session": "2", "group": "healthy", "side": ""}])
    line = refusal("train", cohort, "--out", tmp_path / "out")
    assert "labels.csv row 5: the subject has another person or group than in an earlier row" in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has none of the columns subject, session, group in its first row"),
        (b"\xff\xfes\x00", "is no text in UTF-8: save it as 'CSV UTF-8'"),
        (
            b"subject|session|group|R1\nA|1|palsy|50\n",
            "has none of the columns subject, session, group in its",
        ),
        (None, "cannot be read: give a folder that holds labels.csv"),
    ],
)
def test_a_table_that_is_none_is_named(
    content: bytes | None, words: str, cohort: Path, tmp_path: Path, refusal: Callable[..., str]
) -> None:
    (cohort / "labels.csv").unlink()
    if content is not None:
        (cohort / "labels.csv").write_bytes(content)
    line = refusal("train", cohort, "--out", tmp_path / "out")
    assert f"{cohort / 'labels.csv'} {words}" in line


def change_manifest(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        manifest = json.loads((bundle / "manifest.json").read_text())
        change(manifest)
        (bundle / "manifest.json").write_text(json.dumps(manifest))

    return apply


def flip(bundle: Path) -> None:
    stored = bytearray((bundle / "weights.safetensors").read_bytes())
    stored[-9] ^= 1
    (bundle / "weights.safetensors").write_bytes(stored)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (shutil.rmtree, "is no bundle"),
        (lambda bundle: (bundle / "weights.safetensors").write_bytes(b"cut"), "is not the file the manifest"),
        (flip, "weights.safetensors is not the file the manifest describes: restore the bundle"),
        (lambda bundle: (bundle / "manifest.json").write_text("{"), "manifest.json is not JSON: restore"),
        (change_manifest(lambda content: content.update(hash="0" * 64)), "was changed after training"),
        (change_manifest(lambda content: content.update(version="9")), "was changed after training"),
        (change_manifest(lambda content: content.update(format=1)), "is not of format"),
        (change_manifest(lambda content: content.pop("recipe")), "manifest.json lacks or garbles 'recipe'"),
    ],
)
def test_a_damaged_bundle_is_named_with_what_to_do(
    damage: Callable[[Path], None], words: str, cohort: Path, tmp_path: Path, refusal: Callable[..., str]
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(COMMISSIONING_BUNDLE, bundle)
    damage(bundle)
    for line in (
        refusal("predict", bundle, cohort, "--out", tmp_path / "table.csv"),
        refusal("grade", cohort / "A" / "1", "--bundle", bundle),
    ):
        assert words in line
        assert str(bundle) in line
        assert "train it again" in line
    assert not (tmp_path / "table.csv").exists()


def other_network(file: Path) -> None:
    torch.save({"a.weight": torch.zeros(3)}, file)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (other_network, "does not hold weights of efficientnet-lite0: give the file that fits it"),
        (lambda file: file.write_text("no weights"), "cannot be read as a state dict: give a .pth"),
        (lambda file: None, "cannot be read as a state dict: give a .pth"),
    ],
)
def test_weights_of_another_network_are_named(
    make: Callable[[Path], None], words: str, cohort: Path, tmp_path: Path, refusal: Callable[..., str]
) -> None:
    file, out = tmp_path / "other.pth", tmp_path / "out"
    make(file)
    for line in (
        refusal("train", cohort, "--out", out, "--weights", file),
        refusal("evaluate", cohort, "--out", out, "--weights", f"efficientnet-lite0={file}"),
        refusal("predict", COMMISSIONING_BUNDLE, cohort, "--out", out / "table.csv", "--weights", file),
    ):
        assert f"other.pth {words}" in line


def test_weights_that_a_bundle_was_not_trained_on_are_named(
    cohort: Path, tmp_path: Path, refusal: Callable[..., str]
) -> None:
    from grading.weights import SOURCES, find
    from grading.weights.states import read_state

    own = find(SOURCES["efficientnet-lite0"], tmp_path)
    assert own is not None
    state = read_state(own)
    name = next(name for name, values in state.items() if values.dtype == torch.float32)
    torch.save(state | {name: state[name] + 1}, tmp_path / "tuned.pth")
    line = refusal(
        "predict", COMMISSIONING_BUNDLE, cohort, "--out", tmp_path / "out.csv", "--weights",
        tmp_path / "tuned.pth",
    )  # fmt: skip
    assert "give the weights it was trained on, or train it again" in line


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_folder_that_cannot_be_made_is_named_before_the_work(
    command: str, cohort: Path, refusal: Callable[..., str]
) -> None:
    for out in (cohort / "labels.csv", cohort / "labels.csv" / "below"):
        line = refusal(command, cohort, "--out", out)
        assert f"{out} cannot be made" in line
        assert "give --out another folder" in line


def test_a_table_that_cannot_be_written_is_named_before_the_work(
    cohort: Path, refusal: Callable[..., str]
) -> None:
    predict = ("predict", COMMISSIONING_BUNDLE, cohort, "--out")
    assert "is a folder: give --out the name of a file in it" in refusal(*predict, cohort)
    assert "cannot be made" in refusal(*predict, cohort / "labels.csv" / "table.csv")
