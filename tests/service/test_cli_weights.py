"""`facialis weights`: what is there, and what is said when a file cannot be had."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grading.errors import FacialisError
from grading.weights import SOURCES, sha256_of
from service.cli import app

LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["weights", *map(str, arguments)])


def test_the_list_tells_state_origin_licence_and_checksum_of_every_backbone(tmp_path: Path) -> None:
    (tmp_path / SOURCES["mobilenet"].file).write_bytes(b"half a download")
    listed = json.loads(run("list", "--json", "--folder", tmp_path).output)
    assert listed["folder"] == str(tmp_path)
    rows = {row["backbone"]: row for row in listed["weights"]}
    assert list(rows) == list(SOURCES)
    assert rows["efficientnet-lite0"]["state"] == "present"
    assert rows["efficientnet-lite0"]["sha256"] == LITE0_SHA256
    assert rows["mobilenet"]["state"] == "damaged"
    assert rows["vgg16"]["state"] == "absent"
    assert rows["vgg16"]["comes_from"].startswith("https://")
    assert all(row["licence"] for row in rows.values())
    assert "provisional" in rows["vgg-face"]["licence"]


def test_the_list_for_people_names_the_same(tmp_path: Path) -> None:
    output = run("list", "--folder", tmp_path).output
    for name, source in SOURCES.items():
        assert name in output
        assert source.licence in output
    assert LITE0_SHA256 in output


def test_weights_that_are_there_are_not_fetched(tmp_path: Path) -> None:
    result = run("fetch", "efficientnet-lite0", "--folder", tmp_path)
    assert result.exit_code == 0
    assert sha256_of(Path(result.output.split(": ")[1].strip())) == LITE0_SHA256


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fetch", "resnet18"], "backbone.unknown", "choose one of efficientnet-lite0, vgg16"),
        (["fetch", "mobilenet", "--mirror", "file:///"], "backbone.download", "correct the mirror"),
        (["fetch", "vgg-face"], "backbone.download", "import a file"),
        (["import", "vgg-face", "VGG_FACE.t7"], "backbone.weights", "VGG_FACE.t7 is not a file"),
    ],
)
def test_what_goes_wrong_is_named_with_what_to_do(
    arguments: list[str], code: str, words: str, tmp_path: Path
) -> None:
    error = run(*arguments, "--folder", tmp_path).exception
    assert isinstance(error, FacialisError)
    assert error.code == code
    assert words in str(error)


def test_the_weights_folder_lies_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from service.settings import load_settings

    monkeypatch.setenv("FACIALIS_DATA_DIR", str(tmp_path))
    load_settings.cache_clear()
    try:
        assert f"The weights folder is {tmp_path / 'weights'}" in run("list").output
    finally:
        load_settings.cache_clear()
