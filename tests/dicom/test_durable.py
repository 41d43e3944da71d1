"""Files that are there as a whole or not at all."""

from pathlib import Path

import pytest

from dicom.durable import fsync_file, move_durably, write_durably


def test_written_file_replaces_the_old_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "report.pdf"
    write_durably(target, b"first")
    write_durably(target, b"second")
    assert target.read_bytes() == b"second"
    assert list(target.parent.iterdir()) == [target]


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "report.pdf"
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        write_durably(target, b"content")
    assert list(tmp_path.iterdir()) == [target]


def test_moved_file_is_only_at_its_target(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    fsync_file(source)
    move_durably(source, tmp_path / "a" / "b")
    assert not source.exists()
    assert (tmp_path / "a" / "b").read_bytes() == b"content"


def test_move_across_file_systems_fails_and_keeps_the_source(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108 - another file system is what the test is about
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with pytest.raises(OSError, match="cross-device"):
        move_durably(source, other / "facialis-test-target")
    assert source.read_bytes() == b"content"
