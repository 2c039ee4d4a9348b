"""A transaction that failed only because of another one at the same moment, which goes well when it is done again."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from service.away import worth_repeating
from service.rows import Overtaken

TRIES = 5
Given = ParamSpec("Given")
Came = TypeVar("Came")


def repeated(act: Callable[Given, Came]) -> Callable[Given, Came]:
    """What does one transaction from its beginning to its commit, done again a few times where two wrote the same row first, or
    waited for each other. Done again it finds what the other one did. Raises what it raised last."""

    @functools.wraps(act)
    def done(*args: Given.args, **kwargs: Given.kwargs) -> Came:
        for _ in range(TRIES - 1):
            try:
                return act(*args, **kwargs)
            except Overtaken:
                continue
            except DBAPIError as error:
                if not worth_repeating(error):
                    raise
        return act(*args, **kwargs)

    return done
