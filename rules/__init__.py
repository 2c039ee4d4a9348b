"""Judges: pure functions over plain values, with no I/O, no database and no clock of their own."""
