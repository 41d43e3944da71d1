"""Which bundle grades what comes in: the one that was activated last, with who did it and why.

Nothing is ever taken out of the list. Without an activation the bundle of the settings grades.
"""

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, joinedload

from grading.errors import PermanentError
from service.records.audit import Actor, record
from service.records.audit_events import AuditEventKind
from service.records.models import Bundle, BundleActivation

LONGEST_REASON = 300


class AlreadyActiveError(PermanentError):
    """The bundle that is to be activated grades already."""

    code = "bundle.active"


class ActivatedMeanwhileError(PermanentError):
    """Somebody else activated a bundle after the list was looked at."""

    code = "bundle.activated_meanwhile"


class NothingToRollBackError(PermanentError):
    """No bundle was activated yet, or what graded before cannot be read any more."""

    code = "bundle.no_former"


def active(session: Session) -> BundleActivation | None:
    """The activation in force, with its bundles; None where the bundle of the settings grades."""
    query = select(BundleActivation).where(BundleActivation.active)
    return session.scalar(
        query.options(joinedload(BundleActivation.bundle), joinedload(BundleActivation.replaced))
    )


def active_hash(session: Session) -> str | None:
    """The hash of the bundle that was activated; None where the bundle of the settings grades."""
    return session.scalar(select(Bundle.hash).join(BundleActivation.bundle).where(BundleActivation.active))


def history(session: Session, limit: int = 100) -> list[BundleActivation]:
    """Every activation with its bundles, the newest first."""
    query = select(BundleActivation).order_by(BundleActivation.id.desc()).limit(limit)
    both = joinedload(BundleActivation.bundle), joinedload(BundleActivation.replaced)
    return list(session.scalars(query.options(*both)))


def hold_still(session: Session) -> None:
    """Let nobody else activate a bundle until the transaction ends; workers go on asking for it."""
    session.execute(text("LOCK TABLE bundle_activation IN SHARE ROW EXCLUSIVE MODE"))


def activate(
    session: Session, actor: Actor, bundle: Bundle, replaced: Bundle | None, reason: str = ""
) -> BundleActivation:
    """Let a bundle grade what comes in, in the place of ``replaced``; `hold_still` comes before.

    Raises:
        AlreadyActiveError: it grades already.
    """
    if replaced is not None and replaced.id == bundle.id:
        raise AlreadyActiveError(f"{bundle.name} {bundle.version} grades already: nothing was changed")
    session.execute(
        update(BundleActivation)
        .where(BundleActivation.active)
        .values(active=False, ended_at=func.clock_timestamp())
    )
    made = BundleActivation(
        bundle_key=bundle.id,
        replaced_key=replaced.id if replaced else None,
        active=True,
        actor_kind=actor.kind.value,
        actor=actor.name[:128],
        reason=reason.strip()[:LONGEST_REASON],
    )
    session.add(made)
    session.flush()
    record(
        session,
        actor,
        AuditEventKind.BUNDLE_ACTIVATED,
        bundle=bundle.hash,
        replaced=replaced.hash if replaced else None,
        reason=made.reason or None,
    )
    return made
