"""An OpenID Connect provider as a process: a real server library, and PKCE checked in front of it.

Run as ``python -W ignore identity_provider.py PORT``: the library uses parts of Authlib that warn.
"""

import base64
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from oidc_provider_mock import User, app
from werkzeug.serving import make_server

USERS = (
    User(
        sub="clara-1",
        claims={"preferred_username": "Clara.K", "name": "Clara Körner", "groups": ["ENT-doctors", "staff"]},
    ),
    User(sub="adam-1", claims={"preferred_username": "adam", "groups": ["it"]}),
    User(sub="nameless-1", claims={"groups": ["ENT-doctors"]}),
    User(sub="stranger-1", claims={"preferred_username": "stranger", "groups": ["kitchen"]}),
)
Answer = Iterable[bytes]


class PkceGuard:
    """WSGI middleware: a code is exchanged only with the verifier of the challenge that it was asked with."""

    def __init__(self, application: Callable[..., Answer]) -> None:
        self.application = application
        self.challenges: dict[str, str] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Answer:
        if environ["PATH_INFO"] == "/oauth2/authorize":
            asked = parse_qs(environ["QUERY_STRING"])

            def noting(status: str, headers: list[tuple[str, str]], *rest: object) -> object:
                code = parse_qs(urlsplit(dict(headers).get("Location", "")).query).get("code")
                if code and asked.get("code_challenge_method") == ["S256"]:
                    self.challenges[code[0]] = asked["code_challenge"][0]
                return start_response(status, headers, *rest)

            return self.application(environ, noting)
        if environ["PATH_INFO"] == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
            sent = parse_qs(body.decode())
            digest = hashlib.sha256(sent.get("code_verifier", [""])[0].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if self.challenges.pop(sent["code"][0], None) != challenge:
                start_response("400 Bad Request", [("Content-Type", "application/json")])
                return [json.dumps({"error": "invalid_grant"}).encode()]
        return self.application(environ, start_response)


if __name__ == "__main__":
    guarded = PkceGuard(app(user_claims=USERS, require_nonce=True))
    make_server("127.0.0.1", int(sys.argv[1]), guarded, threaded=True).serve_forever()
