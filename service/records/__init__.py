"""Nouns: the only writers of their rows. They take the transaction's `Work` and never commit."""
