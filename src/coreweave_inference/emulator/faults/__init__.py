"""What can be made to go wrong, when and where; docs/emulator.md has the table."""
