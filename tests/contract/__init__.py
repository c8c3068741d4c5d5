"""One suite that every wire passes, sync and async."""
