"""Downloading weights from a real server on this machine: whole, broken off, wrong, refused."""

import fcntl
import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from torchvision import models

from grading.backbones import ARCHITECTURES
from grading.weights import SOURCES, DownloadError, Source, fetch, find

CONTENT = bytes(range(256)) * 20_000  # 5 MB, several chunks
MISSING = "missing.pth"


@dataclass
class Server:
    """How the server behaves, and what it was asked for: the Range header of each request."""

    address: str = ""
    content: bytes = CONTENT
    knows_range: bool = True
    break_after: int | None = None
    """Closes the connection after so many bytes, once."""
    busy: int = 0
    """Answers 503 so many times."""
    length: int | None = None
    """The Content-Length that it claims."""
    ranges: list[str | None] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers["Range"]
        self.ranges.append(asked)
        if self.busy:
            self.busy -= 1
            request.send_error(503)
            return
        if request.path.endswith(MISSING):
            request.send_error(404)
            return
        start = 0
        size = len(self.content)
        if asked and self.knows_range:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= size:
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{size}")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(self.length or size - start))
        request.end_headers()
        end, self.break_after = self.break_after, None
        with suppress(ConnectionError):  # a client that gave up
            request.wfile.write(self.content[start:end])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    behaviour = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour.answer(self)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        behaviour.address = f"http://127.0.0.1:{running.server_address[1]}"
        yield behaviour
        running.shutdown()
        thread.join()


@pytest.fixture
def source(server: Server) -> Source:
    return Source(
        backbone="net",
        file="net.pth",
        mebibytes=5,
        trained_on="",
        licence="",
        url=f"{server.address}/net.pth",
        sha256=hashlib.sha256(CONTENT).hexdigest()[:8],
    )


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_fetched_once_and_its_progress_told(server: Server, source: Source, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = fetch(source, tmp_path / "new", progress=lambda done, total: told.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert files(path.parent) == {"net.pth"}
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert len(told) > 2
    assert fetch(source, tmp_path / "new") == path == find(source, tmp_path / "new")
    assert server.ranges == [None]


def test_a_broken_connection_is_gone_on_with(server: Server, source: Source, tmp_path: Path) -> None:
    server.break_after = 3_000_000
    assert fetch(source, tmp_path, pause_seconds=0).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=3000000-"]


def test_an_interrupted_download_goes_on_next_time(server: Server, source: Source, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(source, tmp_path, progress=interrupt)
    assert files(tmp_path) == {"net.pth.part"}
    assert find(source, tmp_path) is None
    assert fetch(source, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={1 << 20}-"]


def test_a_server_that_knows_no_range_sends_all_again(server: Server, source: Source, tmp_path: Path) -> None:
    server.knows_range = False
    server.break_after = 3_000_000
    assert fetch(source, tmp_path, pause_seconds=0).read_bytes() == CONTENT
    assert len(server.ranges) == 2


@pytest.mark.parametrize("there", [len(CONTENT), len(CONTENT) + 1])
def test_a_part_that_is_whole_or_too_long_ends_well(source: Source, tmp_path: Path, there: int) -> None:
    (tmp_path / "net.pth.part").write_bytes((CONTENT + b"!")[:there])
    assert fetch(source, tmp_path, pause_seconds=0).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server, source: Source, tmp_path: Path) -> None:
    server.busy = 3
    assert fetch(source, tmp_path, pause_seconds=0).read_bytes() == CONTENT
    server.busy = 4
    with pytest.raises(DownloadError, match="503"):
        fetch(source, tmp_path / "other", pause_seconds=0)


def test_a_file_that_the_server_lacks_is_asked_for_once(
    server: Server, source: Source, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=r"404.*import it"):
        fetch(replace(source, url=f"{server.address}/{MISSING}"), tmp_path)
    assert len(server.ranges) == 1


def test_another_file_than_the_published_one_is_thrown_away(
    server: Server, source: Source, tmp_path: Path
) -> None:
    server.content = b"<html>sign in to the guest network</html>"
    with pytest.raises(DownloadError, match=f"the published file has {source.sha256}"):
        fetch(source, tmp_path)
    assert files(tmp_path) == set()


def test_a_damaged_file_is_fetched_anew(source: Source, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(CONTENT[:-1])
    assert fetch(source, tmp_path).read_bytes() == CONTENT


def test_a_full_disk_is_told_before_and_during_a_download(
    server: Server, source: Source, tmp_path: Path
) -> None:
    (tmp_path / "net.pth.part").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="make room on its disk"):
        fetch(source, tmp_path)
    server.length = 1 << 60
    with pytest.raises(DownloadError, match="make room on its disk"):
        fetch(source, tmp_path / "other")
    assert len(server.ranges) == 2


def test_two_processes_do_not_write_the_same_part(source: Source, tmp_path: Path) -> None:
    with (tmp_path / "net.pth.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="another process"):
            fetch(source, tmp_path)


def test_a_mirror_takes_the_place_of_the_published_address(
    server: Server, source: Source, tmp_path: Path
) -> None:
    elsewhere = replace(source, url="http://127.0.0.1:9/net.pth")
    with pytest.raises(DownloadError, match=r"net\.pth could not be downloaded from http://127\.0\.0\.1:9/"):
        fetch(elsewhere, tmp_path, pause_seconds=0)
    assert fetch(elsewhere, tmp_path, mirror=f"{server.address}/models/").read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="no http or https address"):
        fetch(elsewhere, tmp_path / "other", mirror="file:///etc")


def test_weights_that_a_site_has_to_bring_are_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="import a file"):
        fetch(SOURCES["vgg-face"], tmp_path)


def test_every_backbone_has_a_source() -> None:
    assert list(SOURCES) == list(ARCHITECTURES)


@pytest.mark.parametrize(
    ("backbone", "published"),
    [
        ("vgg16", models.VGG16_Weights.IMAGENET1K_V1),
        ("resnet50", models.ResNet50_Weights.IMAGENET1K_V1),
        ("mobilenet", models.MobileNet_V2_Weights.IMAGENET1K_V1),
        ("efficientnet-b4", models.EfficientNet_B4_Weights.IMAGENET1K_V1),
    ],
)
def test_addresses_and_sizes_are_torchvisions(backbone: str, published: models.WeightsEnum) -> None:
    source = SOURCES[backbone]
    assert source.url == published.url
    assert source.mebibytes == pytest.approx(published.meta["_file_size"], abs=0.06)
    assert re.fullmatch("[0-9a-f]{8}", source.sha256)
    assert source.file.endswith(f"-{source.sha256}.pth")
