"""The responses that no rulebook has to write down: what the service itself reports goes by these."""

from rules.rulebook import Pathway

SOS, MISSED_CHECK_IN = "lone-worker-sos", "missed-check-in"
TEST_PAGE, PAGES_DO_NOT_ARRIVE, REPORTS_NOT_TAKEN = "test-page", "pages-do-not-arrive", "reports-not-taken"

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
    # It pages nobody: one text goes to a test number.
    TEST_PAGE: Pathway.model_validate(
        {
            "title": "A test of the way that pages take",
            "sms_label": "Test",
            "team": "duty",
            "priority": "normal",
            "sla": {"acknowledge": "1h"},
            "outcomes": ["arrived"],
            "escalation": [{"page": "duty", "by": ["sms"], "repeat": "24h"}],
        }
    ),
    # By what is not a text first: that is what may be broken.
    PAGES_DO_NOT_ARRIVE: Pathway.model_validate(
        {
            "title": "A test page did not arrive",
            "sms_label": "Texts may not arrive",
            "team": "duty",
            "priority": "critical",
            "sla": {"acknowledge": "15m", "complete": "24h"},
            "outcomes": ["mended", "false_alarm"],
            "escalation": [{"page": "duty", "by": ["voice", "email", "sms"], "repeat": "30m"}],
        }
    ),
    REPORTS_NOT_TAKEN: Pathway.model_validate(
        {
            "title": "The report of a test page was not taken",
            "sms_label": "Reports may be lost",
            "team": "duty",
            "priority": "critical",
            "sla": {"acknowledge": "15m", "complete": "24h"},
            "outcomes": ["mended", "false_alarm"],
            "escalation": [{"page": "duty", "by": ["voice", "email", "sms"], "repeat": "30m"}],
        }
    ),
}
