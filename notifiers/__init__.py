"""Delivers: one vendor a file; hand over one message, read one callback. No database."""
