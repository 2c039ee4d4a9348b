"""Talks HTTP: requests in, JSON and pages out. No decisions."""
