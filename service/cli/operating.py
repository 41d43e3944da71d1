"""Who runs a command, for the audit trail."""

import getpass

from service.records.audit import Actor, system


def operator() -> Actor:
    """Whoever runs this command, by the account of the operating system."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        account = "unknown account"
    return system(f"command line ({account})")
