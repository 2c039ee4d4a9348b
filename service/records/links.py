"""Links in texts: an unguessable token for one worker and one task."""

import hashlib
import secrets
from datetime import timedelta

from service.errors import NotFound
from service.models.tasks import Task, TaskLink
from service.work import Work

LIFETIME = timedelta(days=14)
TOKEN_BYTES = 12  # 96 bits, 16 characters: a text has no room for more


def issue(work: Work, task: Task, worker: str) -> str:
    """A new address for this worker and task."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires = work.now + LIFETIME
    work.session.put(TaskLink, token_hash=_hash(token), task_id=task.id, worker=worker, expires_at=expires)
    return f"{work.public_url}/t/{token}"


def follow(work: Work, token: str) -> TaskLink:
    """Whom and what a token stands for. Raises NotFound when it is unknown or has expired."""
    link = work.session.get(TaskLink, _hash(token))
    if link is None or link.expires_at <= work.now:
        raise NotFound("this link is not known or has expired; reply MORE and the code to get a new one")
    return link


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
