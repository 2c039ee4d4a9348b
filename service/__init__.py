"""Decides what happens to an incident, a task, a reply and a deadline; the only code that opens a transaction."""
