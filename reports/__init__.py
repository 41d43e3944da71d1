"""A finished grading to PDF bytes. Pure: no file, no database, no clock."""
