"""The demonstration: a real service, a stand-in PACS and phantom patients on one machine."""
