"""What the demo sets up: an empty folder, settings of its own, and two processes."""

import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from grading.errors import PermanentError
from service.running import Running, find_running
from service.supervisor import Child
from service.up import free_ports

MARK = ".facialis-demo"
PACS_AE = "STANDIN-PACS"
CAMERA_AE = "PHANTOM-CAMERA"


class DemoFolderError(PermanentError):
    """The demo may not use the folder."""

    code = "demo.folder"


@dataclass(frozen=True)
class DemoPlace:
    """The demo's folder and ports."""

    folder: Path
    receiver_port: int
    web_port: int
    pacs_port: int

    @property
    def data_dir(self) -> Path:
        """The data folder of the demo's service."""
        return self.folder / "data"

    @property
    def pacs_folder(self) -> Path:
        """Where the stand-in PACS keeps what it was sent."""
        return self.folder / "pacs"

    @property
    def reports(self) -> Path:
        """Where the PDFs that came back from the stand-in PACS are laid out for reading."""
        return self.folder / "reports"

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which every process of the demo runs: none of the user's own settings."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("FACIALIS_")}
        return {**others, "FACIALIS_CONFIG": str(self.folder / "facialis.toml")}


def prepare_place(folder: Path) -> DemoPlace:
    """Empty the demo's folder and write its settings.

    Raises:
        DemoFolderError: the folder holds something else, or a demo is running in it.
    """
    folder = folder.resolve()
    running = find_running(folder / "data")
    if running is not None and Path(f"/proc/{running.pid}").exists():
        raise DemoFolderError(f"a demo already runs in {folder}; stop it with Ctrl-C, or give another --data")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise DemoFolderError(f"{folder} holds other files; give an empty folder as --data")
    try:
        shutil.rmtree(folder, ignore_errors=not folder.exists())
        folder.mkdir(parents=True)
    except OSError as error:
        raise DemoFolderError(
            f"{folder} cannot be emptied ({error.strerror}); give another --data"
        ) from error
    (folder / MARK).touch()
    place = DemoPlace(folder, *free_ports(3))
    place.reports.mkdir()
    (folder / "facialis.toml").write_text(
        f"data_dir = {json.dumps(str(place.data_dir))}\n"
        "quiet_seconds = 20\n\n"
        f"[receiver]\nport = {place.receiver_port}\nmin_free_bytes = {100 << 20}\n\n"
        f"[web]\nport = {place.web_port}\n\n"
        "[workers]\nreconcile_seconds = 5\n\n"
        # A demonstration has no nights, and its scores need not wait for a check.
        "[constancy]\ndaily = false\n\n"
        f'[[destinations]]\nname = "stand-in PACS"\nae_title = "{PACS_AE}"\n'
        f'host = "127.0.0.1"\nport = {place.pacs_port}\n'
    )
    return place


def service_child(place: DemoPlace) -> Child:
    """The whole service as one child, which supervises its own."""
    return Child(
        "service",
        ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "service", "up"],
        place.folder / "service.log",
        place.environment,
        stop_signal=signal.SIGTERM,
    )


def pacs_child(place: DemoPlace) -> Child:
    """The stand-in PACS."""
    return Child(
        "stand-in-pacs",
        [
            "setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "dicom.standin",
            "--folder", str(place.pacs_folder), "--ae-title", PACS_AE, "--port", str(place.pacs_port),
        ],
        place.folder / "pacs.log",
        serves_others=True,
    )  # fmt: skip


def wait_for_service(place: DemoPlace, child: Child, timeout: float = 120) -> Running:
    """Wait until the service answers on its page; its database and receiver then answer too.

    Raises:
        DemoFolderError: it ended or did not answer in time; the message names its log.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and child.running():
        running = find_running(place.data_dir)
        if running is not None and _healthy(place.web_port):
            return running
        time.sleep(0.1)
    log = place.folder / "service.log"
    lines = log.read_text().strip().splitlines()[-3:]
    raise DemoFolderError("the service did not start; the end of " + str(log) + " says: " + " | ".join(lines))


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
