"""Waiting for resources: the rules, the reads that many waits share, and who makes them."""
