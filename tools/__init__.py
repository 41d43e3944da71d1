"""What the Makefile calls: set-up, and the pages that are written from the code."""
