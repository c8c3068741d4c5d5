"""Unit tests of the watch."""
