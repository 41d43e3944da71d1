"""Settings from environment and file; a wrong one is a single line that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from grading.gates import RULES, Limits, Severity
from service.photo_settings import QualitySettings
from service.photographs import quality_rules
from service.settings import SettingError, Settings, load_settings
from service.web_settings import WebSettings, WebTlsSettings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("FACIALIS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()


def test_the_environment_wins_over_the_file_which_wins_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "facialis.toml").write_text('quiet_seconds = 7\n[receiver]\nport = 4001\nae_title = "ENT"\n')
    monkeypatch.setenv("FACIALIS_RECEIVER__PORT", "4002")
    settings = Settings()
    assert settings.quiet_seconds == 7
    assert settings.receiver.port == 4002
    assert settings.receiver.ae_title == "ENT"
    assert settings.web.port == 8080


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FACIALIS_RECEIVER__PORT", "99999"),
        ("FACIALIS_REPORT__LANGUAGE", "tlh"),
        ("FACIALIS_REPORT__PAPER", "a5"),
        ("FACIALIS_REPORT__TIME_ZONE", "Mars/Base"),
        ("FACIALIS_REPORT__FONTS", '["/nowhere.ttf"]'),
        ("FACIALIS_RECEIVER__AE_TITLE", "A TITLE THAT IS FAR TOO LONG"),
        ("FACIALIS_QUIET_SECONDS", "-1"),
        ("FACIALIS_PROTOCOL", "jena99"),
        ("FACIALIS_POSES__PATTERNS", '[["(", "REST"]]'),
        ("FACIALIS_POSES__ORDER", '["guess"]'),
        ("FACIALIS_DESTINATIONS", '[{"name": "a", "ae_title": "A", "host": "h"}]'),
        ("FACIALIS_DESTINATIONS", "not json"),
        ("FACIALIS_DESTINATIONS", '[{"kind": "fax", "name": "a"}]'),
        (
            "FACIALIS_DESTINATIONS",
            '[{"kind": "hl7", "name": "a", "host": "h", "port": 1, "documents": ["pdf"]}]',
        ),
        ("FACIALIS_DESTINATIONS", '[{"kind": "folder", "name": "a"}]'),
        ("FACIALIS_DESTINATIONS", '[{"kind": "fhir", "name": "a", "url": "ftp://h"}]'),
        ("FACIALIS_SOURCES", '[{"kind": "fhir", "name": "a", "url": "http://h", "codes": {"1": "left"}}]'),
        ("FACIALIS_LISTENER__IGNORED", '["A02"]'),
        ("FACIALIS_LISTENER__CHARACTER_SET", "EBCDIC"),
        ("FACIALIS_WEB__HOST", "192.0.2.1"),
        ("FACIALIS_WEB__TLS__KEY", "key.pem"),
        ("FACIALIS_WEB__PROXIES", '["a name"]'),
        ("FACIALIS_QUALITY__SEVERITIES", '{"photo.blured": "warn"}'),
        ("FACIALIS_QUALITY__SEVERITIES", '{"photo.blurred": "ignore"}'),
        ("FACIALIS_QUALITY__ROLL", "[5]"),
        ("FACIALIS_QUALITY__MIRRORED", "2"),
        ("FACIALIS_DATABASE_URL", "mysql://user:secret@host/db"),
        ("FACIALIS_BROKER_URL", "amqp://user:secret@host"),
        ("FACIALIS_RECIEVER__PORT", "11112"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError) as caught:
        load_settings()
    message = str(caught.value)
    assert "\n" not in message
    assert "secret" not in message
    assert variable.removeprefix("FACIALIS_").split("__")[-1].lower() in message.lower()


EVERYWHERE = "0.0.0.0"  # noqa: S104 - a setting, not listened on


def test_pages_listen_beyond_this_machine_with_tls_or_behind_a_proxy_only() -> None:
    tls = WebTlsSettings(certificate=Path("a.pem"), key=Path("b.pem"))
    with pytest.raises(ValidationError, match="in the clear"):
        WebSettings(host="10.1.2.3")
    with pytest.raises(ValidationError, match=r"web\.names"):
        WebSettings(host=EVERYWHERE, tls=tls)
    assert WebSettings(host="10.1.2.3", tls=tls).allowed_hosts[-1] == "10.1.2.3"
    proxied = WebSettings(host=EVERYWHERE, names=("facialis.example",), proxies=("10.1.2.4",))
    assert proxied.secure
    assert proxied.allowed_hosts == ("127.0.0.1", "localhost", "[::1]", "facialis.example")
    assert not WebSettings(host="::1").secure


def test_a_misspelt_setting_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "facialis.toml").write_text("quiet_second = 7\n")
    with pytest.raises(SettingError, match=r"quiet_second .*there is no such setting"):
        load_settings()


def test_an_unknown_kind_of_destination_is_told_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACIALIS_DESTINATIONS", '[{"name": "a", "kind": "dicm"}]')
    with pytest.raises(SettingError, match="kind must be one of dicom, dicomweb"):
        load_settings()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "facialis.toml").write_text("quiet_seconds = \n")
    with pytest.raises(SettingError, match=r"facialis\.toml"):
        load_settings()


def test_a_configured_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACIALIS_CONFIG", "/nowhere/facialis.toml")
    with pytest.raises(SettingError, match=r"/nowhere/facialis\.toml"):
        load_settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACIALIS_DATABASE_URL", "postgresql://user:secret@host/db")
    assert "secret" not in repr(Settings())


def test_the_command_line_prints_one_line_and_fails(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "service", "recordings", "list"],
        env={**os.environ, "FACIALIS_QUIET_SECONDS": "soon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert len(run.stderr.strip().splitlines()) == 1
    assert "quiet_seconds" in run.stderr


def test_every_kind_of_destination_and_the_listener_are_read_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "facialis.toml").write_text(
        """
        [listener]
        port = 2575
        issuers = { "KIS" = "CLINIC" }
        [[listener.procedures]]
        triggers = ["DFT^P03"]
        segment = "PR1"
        dates = ["PR1-5"]
        procedure = "PR1-4"
        codes = { "5-044" = "L" }
        [[destinations]]
        name = "PACS"
        ae_title = "PACS"
        host = "h"
        port = 104
        [[destinations]]
        kind = "hl7"
        name = "EHR"
        host = "h"
        port = 2575
        when = "on_sign_off"
        only = { issuers = ["CLINIC"], days_from_surgery = [0, 400] }
        [destinations.message]
        receiving_application = "EHR"
        pdf_data = ["", "AP", "PDF", "Base64"]
        [[destinations]]
        kind = "fhir"
        name = "FHIR"
        url = "https://h/fhir/"
        systems = { "CLINIC" = "urn:oid:1.2" }
        [[destinations]]
        kind = "folder"
        name = "share"
        path = "/mnt/share"
        documents = ["pdf", "oru"]
        """
    )
    settings = Settings()
    assert settings.listener.procedures[0].codes == {"5-044": "L"}
    assert [(one.kind, one.documents) for one in settings.destinations] == [
        ("dicom", ("pdf", "sr")), ("hl7", ("oru",)), ("fhir", ("fhir",)), ("folder", ("pdf", "oru")),
    ]  # fmt: skip
    assert [one.ordered for one in settings.destinations] == [False, True, False, False]
    assert settings.destinations[1].only.days_from_surgery == (0, 400)


def test_the_rules_for_photos_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "facialis.toml").write_text(
        '[quality]\nroll = [8, 12.5]\nmirrored = 0.4\n[quality.severities]\n"pose.wrong" = "reject"\n'
    )
    rules = quality_rules(Settings().quality)
    assert rules.limits == Limits(roll=(8, 12.5), mirrored=0.4)
    assert rules.severities == {"pose.wrong": Severity.REJECT}
    assert quality_rules(QualitySettings()) == RULES
