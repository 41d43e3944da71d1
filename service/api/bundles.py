"""Bundles: the models that have graded here."""

import datetime as dt

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from service.api.context import Held, Number
from service.api.gate import Admin, Reader
from service.api.paging import Asked, Page, page
from service.api.problems import NotFoundError, described
from service.database import transaction
from service.records import audit, regrading
from service.records.audit_events import AuditEventKind
from service.records.models import Bundle
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


class Adoption(BaseModel):
    """What came of adopting a bundle."""

    recordings: int = Field(description="How many have another grading that counts.", examples=[120])


@router.get("", responses=described(400))
def list_bundles(
    held: Held,
    asked: Asked,
) -> Page[BundleShown]:
    """Every bundle that has graded something here, the newest first."""
    with transaction(held.engine) as session:
        return page(session, asked, select(Bundle), Bundle.id, bundle_shown)


@router.get("/{number}", responses=described(404))
def one_bundle(number: Number, held: Held, caller: Reader) -> BundleShown:
    """A bundle."""
    with transaction(held.engine) as session:
        bundle = session.get(Bundle, number)
        if bundle is None:
            raise NotFoundError(f"there is no bundle {number}")
        return bundle_shown(bundle)


@router.post("/{number}/adopt", responses=described(404))
def adopt(number: Number, held: Held, caller: Admin) -> Adoption:
    """Let the bundle's gradings count from now on; the others stay on record, and so do their documents."""
    with transaction(held.engine) as session:
        bundle = session.get(Bundle, number)
        if bundle is None:
            raise NotFoundError(f"there is no bundle {number}")
        changed = regrading.adopt(session, number)
        kind = AuditEventKind.BUNDLE_ACTIVATED
        audit.record(session, caller.actor, kind, bundle=bundle.hash, recordings=changed)
        return Adoption(recordings=changed)


def bundle_shown(bundle: Bundle) -> BundleShown:
    """What is shown of a bundle."""
    own = ("id", "name", "version", "hash", "registered_at")
    return BundleShown(
        **{name: getattr(bundle, name) for name in own},
        commissioning=bundle.manifest["commissioning"],
        notice=bundle.manifest.get("notice", ""),
        errors=known_errors(bundle.manifest),
    )
