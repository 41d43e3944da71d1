"""Documents on their way out: for each kind of destination how they are sent and what its answer means."""
