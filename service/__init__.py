"""The product around the method: settings, records, intake, pages, command line, supervisor."""

from importlib.metadata import version

PRODUCT = f"Facialis {version('facialis')}"
