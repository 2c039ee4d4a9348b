"""Verbs: one journey a file. A flow opens the transaction and never imports another flow."""
