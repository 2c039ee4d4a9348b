"""Whether a database that failed is away for a moment, or has refused what was asked of it."""

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

# PostgreSQL's error codes (appendix A of its manual). Class 40: two transactions each waited for what the other held, and
# the database ended one of them.
ENDED_FOR_ANOTHER = frozenset({"40001", "40P01"})
# A server that was the primary until a moment ago.
READ_ONLY = "25006"
# No connection (08), no room for one more (53), shut down, starting up or ended by an operator (57), its disk (58).
AWAY_CLASSES = frozenset({"08", "53", "57", "58"})
# A lock that did not come, a transaction ended because nothing was heard of it, and tables that are not there yet.
AWAY = ENDED_FOR_ANOTHER | {READ_ONLY, "55P03", "25P03", "42P01", "42703"}


def worth_repeating(error: DBAPIError) -> bool:
    """Whether a transaction failed only because of another one at the same moment, and may go well alone."""
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", None) in ENDED_FOR_ANOTHER


def is_gone(error: Exception) -> bool:
    """Whether the database is away for everybody, so that it makes no sense to try the same at once in smaller parts."""
    if not isinstance(error, SQLAlchemyError) or not is_away(error):
        return False
    return not (isinstance(error, DBAPIError) and worth_repeating(error))


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the database could not do it now and may in a moment: restarted, failed over, busy, or being migrated."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, NoConnectionFree)
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or isinstance(error, OperationalError)
    return state[:2] in AWAY_CLASSES or state in AWAY
