"""Commands about the tokens that other services sign in with."""

import datetime as dt
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.cli.operating import operator
from service.cli.session import records
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import ApiToken
from service.records.tokens import Scope, create_token, list_tokens, revoke_token


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    token = typer.Typer(help="Tokens for services that use the REST or FHIR interface.", no_args_is_help=True)
    token.command("create")(create)
    token.command("list")(list_all)
    token.command("revoke")(revoke)
    app.add_typer(token, name="token")


def create(
    name: Annotated[str, typer.Argument(help="The service that gets it, as the audit trail will name it.")],
    scope: Annotated[
        Scope,
        typer.Option(help="read, write (corrects and retries) or admin (merges, imports, adopts)."),
    ] = Scope.READ,
    days: Annotated[int, typer.Option(help="How long it is good for.")] = 365,
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    with records() as session:
        token = create_token(session, name, scope, days)
        kind = AuditEventKind.TOKEN_ADDED
        audit.record(session, operator(), kind, token=name.strip(), scope=scope.value, days=days)
    typer.echo(token)
    typer.echo("Keep it now: it cannot be shown again.", err=True)


def list_all(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """List the tokens: what they may do, until when, and when each was last used."""
    with records() as session:
        rows = [_row(token) for token in list_tokens(session)]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("Name", "Scope", "Expires", "Last used", "Revoked")
    for row in rows:
        table.add_row(*(row[column] or "" for column in ("name", "scope", "expires", "last_used", "revoked")))
    Console().print(table)


def revoke(name: Annotated[str, typer.Argument(help="Name of the token.")]) -> None:
    """Revoke a token; it is refused from the next request on."""
    with records() as session:
        revoke_token(session, name)
        audit.record(session, operator(), AuditEventKind.TOKEN_REVOKED, token=name)


def _row(token: ApiToken) -> dict[str, str | None]:
    return {
        "name": token.name,
        "scope": token.scope,
        "created": _moment(token.created_at),
        "expires": _moment(token.expires_at),
        "last_used": _moment(token.last_used_at),
        "revoked": _moment(token.revoked_at),
    }


def _moment(time: dt.datetime | None) -> str | None:
    return None if time is None else time.astimezone().isoformat(timespec="minutes")
