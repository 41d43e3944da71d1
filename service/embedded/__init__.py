"""PostgreSQL and Redis from Python wheels, for one machine with nothing configured."""
