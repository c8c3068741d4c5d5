"""A deterministic simulation of watches against a server with faults: one seed, one run."""
