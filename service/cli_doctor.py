"""`callout doctor`: a look at everything before trusting a start."""

import typer

from service import doctor


def run_doctor() -> None:
    """Check settings, database, provider credentials and clock."""
    findings = doctor.examine()
    for finding in findings:
        print(f"{'ok  ' if finding.good else 'BAD '} {finding.what}: {finding.detail}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)
