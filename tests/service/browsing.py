"""A browser that asks the pages, signed in or not."""

import asyncio
import html
import re
from collections.abc import Mapping

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from service.access import sessions
from service.access.accounts import add_account
from service.access.roles import Role
from service.database import transaction
from service.records.audit import system

Files = list[tuple[str, str, bytes]]


class Browser:
    """Asks an app as a browser on this machine would, without following redirects; it keeps its cookies.

    Forms carry the token of the present cookie unless another is given.
    """

    def __init__(self, app: FastAPI, runner: asyncio.Runner, host: str = "localhost:8080") -> None:
        self.app, self.runner, self.host, self.scheme = app, runner, host, "http"
        self.cookies = httpx.Cookies()

    def sign_in(self, engine: Engine, name: str, *roles: Role) -> None:
        """Begin a session as a new user with these roles, past the form."""
        with transaction(engine) as session:
            account = add_account(session, system("test"), name, roles)
            self.cookies.set(
                "facialis", sessions.begin(session, account, "127.0.0.1"), domain="localhost.local"
            )

    def get(self, path: str, sent: dict[str, str] | None = None) -> httpx.Response:
        return self.runner.run(self._ask("GET", path, sent=sent))

    def post(self, path: str, **form: str | list[str]) -> httpx.Response:
        secret = self.cookies.get("facialis") or self.cookies.get("facialis-visit")
        token = {"form_token": sessions.form_token(secret)} if secret else {}
        return self.runner.run(self._ask("POST", path, token | form))

    def send(self, path: str, files: Files, **form: str) -> httpx.Response:
        """A form with files: field, name, content; its fields come first."""
        token = {"form_token": sessions.form_token(self.cookies.get("facialis") or "")}
        parts = [(field, (name, content)) for field, name, content in files]
        return self.runner.run(self._ask("POST", path, {**token, **form}, files=parts))

    async def _ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str | list[str]] | None = None,
        sent: dict[str, str] | None = None,
        files: list[tuple[str, tuple[str, bytes]]] | None = None,
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        base = f"{self.scheme}://{self.host}"
        async with httpx.AsyncClient(transport=transport, base_url=base, cookies=self.cookies) as client:
            answer = await client.request(method, path, data=form, headers=sent, files=files)
            self.cookies = client.cookies
            return answer


def seen(answer: httpx.Response, status: int = 200) -> str:
    """The text of a page as a reader sees it."""
    assert answer.status_code == status, answer.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
