"""The records as FHIR R4 resources: pure functions from rows to JSON, and nothing that asks or sends."""
