"""Tests; shared fakes and fixtures are imported as `tests.<name>`."""
