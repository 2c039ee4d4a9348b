"""How what GOV.UK Notify gives out looks: to check settings by, where its package need not be loaded."""

import re

API_BASE = "https://api.notifications.service.gov.uk"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ID = re.compile(_UUID, re.IGNORECASE)
KEY = re.compile(rf"(?P<name>\S+)-{_UUID}-{_UUID}", re.IGNORECASE)
