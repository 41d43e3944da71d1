"""Roles and what each may do; the pages ask for rights, never for roles."""

import enum
from collections.abc import Iterable


class Role(enum.StrEnum):
    """What a user is here for; one user may have several."""

    VIEWER = "viewer"
    CLINICIAN = "clinician"
    RATER = "rater"
    ADMINISTRATOR = "administrator"


class Right(enum.StrEnum):
    """What a page needs."""

    SIGNED_IN = "signed in"
    """One's own account."""
    LIST = "list"
    """Who the patients are and where their recordings stand; no photo, no score, no report."""
    PATIENTS = "patients"
    """Everything about patients."""
    CHANGE = "change"
    """To correct recordings, surgeries and events."""
    SIGN = "sign"
    """To sign reports off."""
    BREAK_GLASS = "break glass"
    """To see one patient against the roles, with a reason, on the record."""
    ANNOTATE = "annotate"
    """Scoring recordings: their photos, without a name, and one's own scores."""
    RATERS = "raters"
    """What raters are given, how far they agree, and the scores that are settled."""
    ADMINISTER = "administer"
    """Users, the audit trail, deliveries, the health of the installation."""


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.SIGNED_IN, Right.LIST, Right.BREAK_GLASS}),
    Role.CLINICIAN: frozenset(
        {Right.SIGNED_IN, Right.LIST, Right.PATIENTS, Right.CHANGE, Right.SIGN, Right.RATERS}
    ),
    Role.RATER: frozenset({Right.SIGNED_IN, Right.ANNOTATE}),
    Role.ADMINISTRATOR: frozenset({Right.SIGNED_IN, Right.ADMINISTER}),
}


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """The rights that roles give together; whoever has none may still see that."""
    given = {Right.SIGNED_IN}
    for role in roles:
        given |= RIGHTS[Role(role)]
    return frozenset(given)
