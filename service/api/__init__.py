"""The interface for programs: REST over the records, for services that show a token."""
