"""The records: what is stored about patients, recordings, gradings and deliveries, and the queries on it."""
