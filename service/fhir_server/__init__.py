"""A FHIR R4 server to read and search, under ``/fhir``, over the resources of `service.fhir`."""
