"""A program that uses the interfaces: it asks the site as another service would, with a token."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from service.database import transaction
from service.records.tokens import Scope, create_token

API = "/api/v1"
RUN_SITE = """
from pathlib import Path
from service.database import connect
from service.settings import Settings
from service.storage import FolderStorage
from service.web.serve import serve
settings = Settings(web={{"port": {port}}}, api={{"requests_per_minute": 1000000}})
serve(connect({url!r}), FolderStorage(Path({root!r})), settings)
"""


class Program:
    """Asks an app, showing a token of ``scope`` unless told otherwise."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner, engine: Engine) -> None:
        self.app, self.runner = app, runner
        with transaction(engine) as session:
            self.tokens = {scope: create_token(session, f"{scope} program", scope, 1) for scope in Scope}

    def ask(self, method: str, path: str, scope: Scope | None = Scope.READ, **options: Any) -> httpx.Response:
        """The answer; no token is shown if ``scope`` is None."""
        headers = {"Authorization": f"Bearer {self.tokens[scope]}"} if scope else {}
        headers |= options.pop("headers", {})
        return self.runner.run(self._ask(method, path, headers=headers, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def json(self, path: str, **options: Any) -> Any:
        """What lies under an address, which must be there."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        # What fails must become an answer: nothing may reach the server as an exception.
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
            return await client.request(method, path, **options)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The problem that an answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["type"] == f"{API}/problems/{code}"
    return told


@dataclass(frozen=True)
class RunningSite:
    """The site in a process of its own, and a token that may do everything."""

    url: str
    headers: dict[str, str]
