"""The responses that no rulebook has to write down: what the service itself reports goes by these."""

from rules.rulebook import Pathway

SOS, MISSED_CHECK_IN = "lone-worker-sos", "missed-check-in"

OWN_PATHWAYS = {
    # Lead and duty manager are called at once, by everything there is.
    SOS: Pathway.model_validate(
        {
            "title": "A lone worker calls for help",
            "sms_label": "SOS",
            "team": "duty",
            "priority": "critical",
            "sla": {"acknowledge": "5m", "complete": "4h"},
            "outcomes": ["found_safe", "help_sent", "false_alarm"],
            "escalation": [
                {"page": "lead", "by": ["sms", "voice", "email"]},
                {"page": "duty", "by": ["sms", "voice", "email"], "repeat": "10m"},
            ],
        }
    ),
    MISSED_CHECK_IN: Pathway.model_validate(
        {
            "title": "A lone worker has not checked in",
            "sms_label": "Missed check-in",
            "team": "duty",
            "priority": "critical",
            "sla": {"acknowledge": "10m", "complete": "4h"},
            "outcomes": ["found_safe", "help_sent", "false_alarm"],
            "escalation": [
                {"page": "lead", "by": ["sms", "voice"]},
                {"after": "5m", "page": "duty", "by": ["sms", "voice", "email"], "repeat": "15m"},
            ],
        }
    ),
}
