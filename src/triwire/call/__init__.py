"""The call loop: everything that happens to a call on every wire alike."""
