"""Pages in a real browser: signing in, what axe-core finds, a server for them to ask."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page

from service.storage import FolderStorage


@contextmanager
def pages_served(database_url: str, storage: FolderStorage, receiver_port: int = 11112) -> Iterator[str]:
    """Where a process of its own serves the pages over a database and a storage, beside a receiver."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = (
        "from pathlib import Path\n"
        "from service.database import connect\n"
        "from service.settings import Settings\n"
        "from service.storage import FolderStorage\n"
        "from service.web.serve import serve\n"
        f"settings = Settings(web={{'port': {port}}}, receiver={{'port': {receiver_port}}},\n"
        f"    data_dir={str(storage.root)!r}, destinations=(\n"
        "    {'name': 'Main PACS', 'ae_title': 'PACS', 'host': '127.0.0.1', 'port': 1},))\n"
        f"serve(connect({database_url!r}), FolderStorage(Path({str(storage.root)!r})), settings)"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{address}/health", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server did not answer"
                time.sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("#name", name)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(re.compile("/$|/admin|/annotate"))


def note_broken_policy(found: list[str], message: ConsoleMessage) -> None:
    if "Content Security Policy" in message.text:
        found.append(message.text)


def faults(page: Page) -> list[str]:
    """What axe-core finds on the page that is serious or worse, and whether it scrolls sideways."""
    found = Axe().run(page).response["violations"]
    faults = [
        f"{page.url}: {rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*faults, *([f"{page.url}: {wider} px wider than the window"] if wider > 0 else [])]
