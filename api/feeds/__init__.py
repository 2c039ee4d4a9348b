"""What partners already emit, mapped to an incident."""
