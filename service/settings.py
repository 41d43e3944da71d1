"""Every setting of Facialis, read in this one place.

Sources, strongest first: environment variables (``FACIALIS_`` and ``__`` between levels, for instance
``FACIALIS_RECEIVER__PORT=11112``), then the TOML file named by ``FACIALIS_CONFIG`` (else ``facialis.toml``
in the current folder, if there is one), then the defaults below.
"""

import datetime as dt
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import (
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from grading.errors import PermanentError
from grading.protocols import PROTOCOLS
from reports.language import languages
from reports.style import PaperName, Style
from service.constancy_settings import ConstancySettings
from service.landmark_settings import LandmarkSettings
from service.listener_settings import ListenerSettings
from service.peer_settings import PEER_KINDS, AnyDestination, AnyPeer, AnySource, Section
from service.photo_settings import PoseSettings, QualitySettings
from service.receiver_settings import ReceiverSettings
from service.timepoint_settings import TimepointSettings
from service.web_settings import WebSettings

BROKERS = ("redis://", "rediss://", "redis+socket://")
"""How the address of a broker begins."""


class SettingError(PermanentError):
    """A setting has a value that cannot be used."""

    code = "setting.invalid"


class ReportSettings(Section):
    """How reports are set."""

    language: str = "en"
    paper: PaperName = "a4"
    organization: str = Field(default="", max_length=64)
    """Who answers for the reports, such as the hospital and department; signed documents name it."""
    contact: str = Field(default="", max_length=200)
    """Where questions about a report go to, printed on it; empty for nowhere."""
    time_zone: str = "UTC"
    """IANA name of the zone that moments are printed in, such as ``Europe/Berlin``."""
    fonts: tuple[FilePath, ...] = ()
    """TrueType files that print names which the report's own fonts cannot, in this order."""

    @field_validator("language")
    @classmethod
    def _has_catalogue(cls, language: str) -> str:
        if language not in languages():
            raise ValueError(f"there are no texts in it: use one of {', '.join(languages())}")
        return language

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("is no IANA time zone, such as Europe/Berlin")
        return name

    @property
    def style(self) -> Style:
        """The same, as reports take it."""
        return Style(**dict(self))


class ApiSettings(Section):
    """The interfaces for programs, REST and FHIR."""

    requests_per_minute: int = Field(default=600, ge=1)
    """By one token, in bursts of up to 100; what is more is refused for the time being."""
    identifier_systems: dict[str, str] = Field(default_factory=dict)
    """FHIR's identifier system by the issuer of patient IDs, as ``"HOSP" = "urn:oid:1.2.3"``."""


class WorkerSettings(Section):
    """How work is held, retried and looked after."""

    prepare_processes: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    lease_seconds: float = Field(default=300, gt=0)
    """How long a worker may hold a recording before another takes it up."""
    max_attempts: int = Field(default=5, ge=1)
    retry_seconds: float = Field(default=10, gt=0)
    """Wait before the second attempt; it doubles with each further one, up to an hour."""
    reconcile_seconds: float = Field(default=10, gt=0)
    requeue_seconds: float = Field(default=3600, gt=0)
    breaker_failures: int = Field(default=3, ge=1)
    """After so many failures in a row a destination is left alone for a while."""
    breaker_seconds: float = Field(default=30, gt=0)
    """How long at first; twice as long after each trial that fails, up to an hour."""


class Settings(BaseSettings):
    """All settings; see the module's docstring for where they come from."""

    model_config = SettingsConfigDict(
        env_prefix="FACIALIS_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    data_dir: Path = Path("facialis-data")
    """Photos, crops, reports, logs and the embedded database."""
    database_url: SecretStr | None = None
    """PostgreSQL, as ``postgresql://…``; none means the one that ``facialis up`` runs."""
    broker_url: SecretStr | None = None
    """Redis, as ``redis://…``; none means the one that ``facialis up`` runs."""
    protocol: str = "jena9"
    quiet_seconds: float = Field(default=120, gt=0)
    """A series to which nothing came for so long is taken as ended."""
    bundle: Path | None = None
    """The bundle that grades; none means the commissioning bundle that comes with Facialis."""
    weights: Path | None = None
    """The weights file of the bundle's backbone, where they are not the network's own."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    receiver: ReceiverSettings = ReceiverSettings()
    poses: PoseSettings = PoseSettings()
    quality: QualitySettings = QualitySettings()
    timepoints: TimepointSettings = TimepointSettings()
    report: ReportSettings = ReportSettings()
    web: WebSettings = WebSettings()
    landmarks: LandmarkSettings = LandmarkSettings()
    api: ApiSettings = ApiSettings()
    workers: WorkerSettings = WorkerSettings()
    constancy: ConstancySettings = ConstancySettings()
    listener: ListenerSettings = ListenerSettings()
    destinations: tuple[AnyDestination, ...] = ()
    sources: tuple[AnySource, ...] = ()
    """Archives from which `facialis fetch` takes photos."""

    @property
    def weights_folder(self) -> Path:
        """Where weights of backbones lie that were fetched or taken in (`facialis weights`)."""
        return self.data_dir / "weights"

    @field_validator("protocol")
    @classmethod
    def _known_protocol(cls, protocol: str) -> str:
        if protocol not in PROTOCOLS:
            raise ValueError(f"must be one of {', '.join(PROTOCOLS)}")
        return protocol

    @field_validator("database_url", "broker_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        schemes = ("postgresql://",) if info.field_name == "database_url" else BROKERS
        if url is not None and not url.get_secret_value().startswith(schemes):
            raise ValueError(f"must start with {' or '.join(schemes)}")
        return url

    @field_validator("destinations", "sources")
    @classmethod
    def _names_differ(cls, peers: tuple[AnyPeer, ...]) -> tuple[AnyPeer, ...]:
        names = [peer.name for peer in peers]
        if len(set(names)) < len(names):
            raise ValueError("two of them have the same name")
        return peers

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def config_file() -> Path:
    """The TOML file that is read if it exists.

    Raises:
        SettingError: ``FACIALIS_CONFIG`` names a file that is not there.
    """
    named = os.environ.get("FACIALIS_CONFIG")
    if named is None:
        return Path("facialis.toml")
    if not Path(named).is_file():
        raise SettingError(f"FACIALIS_CONFIG names {named}, which is not a file")
    return Path(named)


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Read the settings once per process.

    Raises:
        SettingError: one line that names each wrong setting, where it can be set and what is wrong with it.
    """
    prefix, delimiter = "FACIALIS_", "__"
    for variable in os.environ:
        # Others that begin so may be anybody's: Kubernetes sets some for each service, by its name.
        section, nested, _ = variable.removeprefix(prefix).partition(delimiter)
        if variable.startswith(prefix) and nested and section.lower() not in Settings.model_fields:
            raise SettingError(f"the variable {variable} names no setting: correct its spelling")
    try:
        return Settings()
    except ValidationError as error:
        raise SettingError("; ".join(_explain(detail) for detail in error.errors())) from None
    except SettingsError as error:
        cause = f": {error.__cause__}" if isinstance(error.__cause__, json.JSONDecodeError) else ""
        raise SettingError(f"{error}{cause}") from None
    except ValueError as error:  # TOML that cannot be parsed
        raise SettingError(f"{config_file()}: {error}") from None


def today() -> dt.date:
    """The day that it is where the pages are read (`web.time_zone`), which may not be the machine's."""
    return dt.datetime.now(load_settings().web.zone).date()


_WORDS = {
    "extra_forbidden": "there is no such setting: correct its spelling",
    "union_tag_invalid": f"kind must be one of {', '.join(PEER_KINDS)}",
}
"""By pydantic's type of error, where its own words are about code."""


def _explain(detail: object) -> str:
    assert isinstance(detail, dict)  # noqa: S101 - narrows pydantic's ErrorDetails for the type checker
    # A kind of destination stands in pydantic's path, but in no setting's name.
    place = [str(part) for part in detail["loc"] if part not in PEER_KINDS]
    variable = "FACIALIS_" + "__".join(place).upper()
    message = _WORDS.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
    value = detail["input"]
    shown = (
        f" (now {value!r})" if isinstance(value, str | int | float | bool) and "url" not in place[0] else ""
    )
    return f"setting {'.'.join(place)} ({variable}): {message}{shown}"
