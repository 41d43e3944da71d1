"""Commands about who may sign in to the pages."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.access import accounts
from service.access.passwords import generate_password
from service.access.roles import Role
from service.cli.operating import operator
from service.cli.session import records

Name = Annotated[str, typer.Argument(help="The sign-in name.")]
Roles = Annotated[list[Role], typer.Option("--role", help="May be repeated.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and print it, this once.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    user = typer.Typer(help="Who may sign in to the pages, and as what.", no_args_is_help=True)
    user.command("add")(add)
    user.command("list")(list_all)
    user.command("roles")(roles)
    user.command("password")(password)
    user.command("disable")(disable)
    user.command("enable")(enable)
    app.add_typer(user, name="user")


def add(
    name: Name,
    role: Roles,
    full_name: Annotated[str, typer.Option(help="As the pages greet them.")] = "",
    generate: Generate = False,
) -> None:
    """Add a user with a password: asked for, read from standard input, or generated."""
    chosen = _password(generate)
    with records() as session:
        accounts.add_account(session, operator(), name, role, password=chosen, display_name=full_name)
    _tell(chosen, generate)


def list_all(as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False) -> None:
    """List users, their roles and when they last signed in."""
    with records() as session:
        rows = [
            {
                "name": account.name,
                "full_name": account.display_name,
                "roles": " ".join(account.roles),
                "signs_in_by": "password" if account.password_hash else "identity provider",
                "last_signed_in": account.last_signed_in_at
                and account.last_signed_in_at.isoformat("T", "minutes"),
                "disabled": account.disabled_at is not None,
            }
            for account in accounts.list_accounts(session)
        ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("Name", "Full name", "Roles", "Signs in by", "Last signed in", "Disabled")
    for row in rows:
        table.add_row(*(str(value or "") for value in row.values()))
    Console().print(table)


def roles(name: Name, role: Roles) -> None:
    """Give a user other roles; they have to sign in again."""
    with records() as session:
        accounts.change_roles(session, operator(), accounts.find_account(session, name), role)


def password(name: Name, generate: Generate = False) -> None:
    """Give a user another password; they have to sign in again."""
    chosen = _password(generate)
    with records() as session:
        accounts.change_password(session, operator(), accounts.find_account(session, name), chosen)
    _tell(chosen, generate)


def disable(name: Name) -> None:
    """Let a user in no more, from now on."""
    with records() as session:
        accounts.disable(session, operator(), accounts.find_account(session, name))


def enable(name: Name) -> None:
    """Let a disabled user in again."""
    with records() as session:
        accounts.enable(session, operator(), accounts.find_account(session, name))


def _password(generate: bool) -> str:
    if generate:
        return generate_password()
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    chosen: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return chosen


def _tell(chosen: str, generated: bool) -> None:
    if generated:
        typer.echo(f"Password: {chosen}")
