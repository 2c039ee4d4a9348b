"""The secret of a sandbox: made at the first start and kept beside its database, so that nothing need be set up."""

import os
import secrets
from pathlib import Path

from sqlalchemy import make_url

from service.errors import SettingsWrong
from service.settings import Settings


def secret_of(settings: Settings) -> list[str]:
    """The secrets from the settings; in sandbox mode without any, one from a file that is made when it is absent.

    Raises SettingsWrong.
    """
    if settings.secrets:
        return settings.secrets
    if not settings.sandbox:
        raise SettingsWrong("CALLOUT_SECRET_KEY is not set")
    path = _beside_database(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
        return [path.read_text().strip()]
    except FileExistsError:
        return [path.read_text().strip()]
    except OSError as error:
        raise SettingsWrong(
            f"can't write {path}: {error.strerror}. Give a folder that this user may write to"
        ) from None


def _beside_database(settings: Settings) -> Path:
    database = make_url(settings.database_url).database
    if settings.database_url.startswith("sqlite") and database:
        return Path(f"{database}.secret")
    return Path("var/sandbox.secret")
