"""The system account that the embedded servers run under.

PostgreSQL refuses to run as root. When Facialis is started by root, the servers run as the system user
``facialis`` (made if missing); else they run as whoever started Facialis.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from grading.errors import PermanentError

NAME = "facialis"
ELSE = "or set FACIALIS_DATABASE_URL and FACIALIS_BROKER_URL to servers of your own"
NOT_INSTALLED = f"the embedded servers are not installed; run pip install 'facialis[embedded]', {ELSE}"


class EmbeddedServerError(PermanentError):
    """An embedded server cannot run on this machine."""

    code = "embedded.server"


@dataclass(frozen=True)
class Account:
    """A user and group id to run as; ``switch`` says whether that differs from the running process."""

    uid: int
    gid: int
    switch: bool

    def own(self, folder: Path) -> None:
        """Make the folder, for this account's eyes only."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.switch:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def reaches(self, path: Path) -> bool:
        """Whether this account may enter the folder or run the program."""
        if not self.switch:
            return True
        test = ["setpriv", *self._switched, "test", "-x", str(path)]
        return subprocess.run(test, check=False).returncode == 0

    def command(self, argv: list[str], *, die_with: str, folder: Path) -> list[str]:
        """The command under this account; the kernel sends ``die_with`` to it should its parent die.

        Below root's own folders the other account can reach neither the program nor its ``folder``. It then
        gets the one capability to pass folders, rather than their permissions being changed.
        """
        if not self.switch:
            return ["setpriv", "--pdeathsig", die_with, "--", *argv]
        switched = self._switched
        if not (self.reaches(Path(argv[0])) and self.reaches(folder)):
            passing = _capability_to_pass_folders()
            switched += ["--inh-caps", f"+{passing}", "--ambient-caps", f"+{passing}"]
        return ["setpriv", "--pdeathsig", die_with, *switched, "--", *argv]

    @property
    def _switched(self) -> list[str]:
        return ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]


def _capability_to_pass_folders() -> str:
    """The least capability that this process may hand on; containers often lack the smaller one."""
    status = Path("/proc/self/status").read_text()
    bounding = int(status.split("CapBnd:")[1].split()[0], 16)
    for name, bit in (("dac_read_search", 2), ("dac_override", 1)):
        if bounding >> bit & 1:
            return name
    raise EmbeddedServerError(
        f"the user {NAME} cannot reach the data folder or the programs; put them where every user may look, "
        f"{ELSE}"
    )


def service_account() -> Account:
    """The account for the embedded servers.

    Raises:
        EmbeddedServerError: started by root on a machine where no user can be made.
    """
    if shutil.which("setpriv") is None:
        raise EmbeddedServerError("the program setpriv is missing; install the package util-linux")
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode != 0:
            raise EmbeddedServerError(
                f"PostgreSQL cannot run as root, and the user {NAME} could not be made "
                f"({made.stderr.strip()}); start Facialis as an ordinary user, {ELSE}"
            ) from None
        entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid, switch=True)
