"""Validation by the models of fhir.resources."""

from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from service.fhir.coding import Resource


def valid(resource: Resource) -> Resource:
    """The resource, once fhir.resources found nothing wrong with it and lost nothing of it."""
    model = get_fhir_model_class(resource["resourceType"])
    parsed: dict[str, Any] = model.model_validate(resource).model_dump(mode="json")
    assert parsed.keys() == resource.keys()
    return resource
