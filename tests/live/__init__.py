"""The reading part of the contract, against a real server."""
