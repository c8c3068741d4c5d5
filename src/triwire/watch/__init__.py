"""A correct change stream out of a plain List with `updated_after`.

The modules here are pure: no I/O, no clock, no tasks. Drivers and iterators stand on top.
"""
