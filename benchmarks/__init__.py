"""Commands that measure; each ends with one line of JSON."""
