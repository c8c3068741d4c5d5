"""The wire that the network lets through, found by asking."""
