"""Transport equivalence: random scripts of calls come to the same on every wire."""
