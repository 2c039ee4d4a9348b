"""Board, task page, sandbox and sign-in: Jinja templates and static files beside their routes."""
