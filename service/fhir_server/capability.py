"""The CapabilityStatement, out of the table of what is served."""

from collections.abc import Mapping

from service import PRODUCT
from service.fhir.coding import Resource
from service.fhir_server.kinds import Kind

STATED = "2026-11-24"
"""The day on which what is stated here was last changed."""


def capability_statement(kinds: Mapping[str, Kind], base: str) -> Resource:
    """What this server can do; ``base`` is its address."""
    name, _, version = PRODUCT.partition(" ")
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": STATED,
        "kind": "instance",
        "software": {"name": name, "version": version},
        "implementation": {"description": "Facialis: gradings of facial palsy", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "Every request shows a service token: Authorization: Bearer."},
                "resource": [_resource(kind) for kind in kinds.values()],
            }
        ],
    }


def _resource(kind: Kind) -> Resource:
    return {
        "type": kind.name,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "searchParam": [
            {"name": name, "type": parameter.type, "documentation": parameter.about}
            for name, parameter in kind.parameters.items()
        ],
    }
