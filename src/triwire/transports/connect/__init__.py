"""The Connect protocol over plain HTTP."""
