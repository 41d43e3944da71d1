"""Bundles: the models that are known here, and which of them grades."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select

from service import activating
from service.api.context import Held, Line, Number
from service.api.gate import Admin, Reader
from service.api.paging import Asked, Page, page
from service.api.problems import described
from service.api.rows import row_of
from service.database import transaction
from service.records import audit, regrading
from service.records.activations import LONGEST_REASON
from service.records.audit_events import AuditEventKind
from service.records.models import Bundle, BundleActivation
from service.reporting import known_errors

router = APIRouter(prefix="/bundles", tags=["bundles"])


class BundleShown(BaseModel):
    """A trained model."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["commissioning"])
    version: str = Field(examples=["1"])
    hash: str = Field(description="SHA-256 of its contents.")
    commissioning: bool = Field(description="Whether it is only for trying out an installation.")
    notice: str = Field(description="What has to be told with every score of it.")
    errors: dict[str, float] = Field(
        description="By item, the mean absolute error in points on patients that it had not seen.",
        examples=[{"R1": 11.2, "M4": 9.8}],
    )
    registered_at: dt.datetime


class ActivationShown(BaseModel):
    """From when until when a bundle graded what came in, and who wanted it so."""

    id: int = Field(examples=[3])
    bundle: int = Field(examples=[2])
    replaced: int | None = Field(description="What graded before, if it was known.", examples=[1])
    active: bool = Field(description="Whether it grades now; without any the bundle of the settings does.")
    activated_at: dt.datetime
    ended_at: dt.datetime | None
    actor: str = Field(description="A user, a token or a command.", examples=["adam"])
    reason: str


class Decision(BaseModel):
    """Why another bundle is to grade."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Line, StringConstraints(max_length=LONGEST_REASON)] = Field(
        default="", description="For the history; nothing about a patient."
    )


class Adoption(BaseModel):
    """What came of adopting a bundle."""

    recordings: int = Field(description="How many have another grading that counts.", examples=[120])


@router.get("", responses=described(400))
def list_bundles(
    held: Held,
    asked: Asked,
) -> Page[BundleShown]:
    """Every bundle that is known here, the newest first."""
    with transaction(held.engine) as session:
        return page(session, asked, select(Bundle), Bundle.id, bundle_shown)


@router.get("/activations", responses=described(400))
def list_activations(held: Held, asked: Asked) -> Page[ActivationShown]:
    """Which bundle was activated when and by whom, the newest first."""
    with transaction(held.engine) as session:
        return page(session, asked, select(BundleActivation), BundleActivation.id, activation_shown)


@router.get("/{number}", responses=described(404))
def one_bundle(number: Number, held: Held, caller: Reader) -> BundleShown:
    """A bundle."""
    with transaction(held.engine) as session:
        return bundle_shown(row_of(session, Bundle, number))


@router.post("/{number}/activate", responses=described(404))
def activate(number: Number, decision: Decision, held: Held, caller: Admin) -> ActivationShown:
    """Let an installed bundle grade what comes in from now on; what is graded already stays as it is."""
    with transaction(held.engine) as session:
        bundle = row_of(session, Bundle, number)
        return activation_shown(
            activating.activate(session, caller.actor, held.storage, held.settings, bundle, decision.reason)
        )


@router.post("/roll-back", responses=described())
def roll_back(decision: Decision, held: Held, caller: Admin) -> ActivationShown:
    """Let the bundle grade again that the active one replaced."""
    with transaction(held.engine) as session:
        return activation_shown(
            activating.roll_back(session, caller.actor, held.storage, held.settings, decision.reason)
        )


@router.post("/{number}/adopt", responses=described(404))
def adopt(number: Number, held: Held, caller: Admin) -> Adoption:
    """Let the bundle's gradings count from now on; the others stay on record, and so do their documents."""
    with transaction(held.engine) as session:
        bundle = row_of(session, Bundle, number)
        changed = regrading.adopt(session, number)
        kind = AuditEventKind.BUNDLE_ADOPTED
        audit.record(session, caller.actor, kind, bundle=bundle.hash, recordings=changed)
        return Adoption(recordings=changed)


def activation_shown(activation: BundleActivation) -> ActivationShown:
    """What is shown of an activation."""
    own = ("id", "active", "activated_at", "ended_at", "actor", "reason")
    return ActivationShown(
        **{name: getattr(activation, name) for name in own},
        bundle=activation.bundle_key,
        replaced=activation.replaced_key,
    )


def bundle_shown(bundle: Bundle) -> BundleShown:
    """What is shown of a bundle."""
    own = ("id", "name", "version", "hash", "registered_at")
    return BundleShown(
        **{name: getattr(bundle, name) for name in own},
        commissioning=bundle.manifest["commissioning"],
        notice=bundle.manifest.get("notice", ""),
        errors=known_errors(bundle.manifest),
    )
