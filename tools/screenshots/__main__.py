"""Runs the demo in a folder of its own, adds what the pictures need, and takes them into docs/pictures."""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright
from sqlalchemy import select

from grading.phantom import phantom_patient
from service.access.passwords import generate_password
from service.database import connect, transaction
from service.embedded.postgres import APPLICATION, SUPERUSER
from service.records.models import Patient, Photo
from tools.screenshots import clinic
from tools.screenshots.demo import SEED, demo
from tools.screenshots.shots import take

OUT = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="Folder for the pictures.")
    asked = parser.parse_args()
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("Chromium is not installed: tools/test-packages installs it")
    password = generate_password()
    patients = [phantom_patient(SEED), phantom_patient(SEED + 1, healthy=True)]
    with demo() as running:
        engine = connect(running.database_url)
        superuser = connect(running.database_url.replace(APPLICATION, SUPERUSER, 1))
        series = clinic.send_incomplete(phantom_patient(SEED + 2), running.receiver_port)
        still_open = clinic.fill(engine, patients, password)
        clinic.wait_for_attention(engine, series)
        with transaction(engine) as session:
            recording = clinic.number_of(session, patients[0], patients[0].recordings[-1])
            numbers = {
                "patient": session.scalars(
                    select(Patient.id).where(Patient.patient_id == patients[0].id)
                ).one(),
                "recording": recording,
                "photo": session.scalars(
                    select(Photo.id).where(Photo.recording_key == recording, Photo.pose == "REST")
                ).one(),
                "assignment": still_open,
            }
        clinic.stop_the_clock(superuser)
        address = f"http://127.0.0.1:{running.web_port}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for file in take(browser, address, password, numbers, asked.out):
                print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")  # noqa: T201
            browser.close()
        engine.dispose()
        superuser.dispose()


if __name__ == "__main__":
    main()
