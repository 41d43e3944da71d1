"""The parts of `benchmarks.receive`: photos, servers, and what is measured of a server."""
