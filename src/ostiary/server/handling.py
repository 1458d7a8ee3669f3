"""``@handles``: ties a function to the endpoint that it serves, and checks at import that the two agree."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ostiary.api.endpoint import Endpoint, response_type
from ostiary.server.context import RequestContext

E = TypeVar("E", bound=Endpoint[Any])

Handler = Callable[[E, RequestContext], Awaitable[Any]]

_MARK = "__ostiary_endpoint__"


def handles(endpoint: type[E]) -> Callable[[Handler[E]], Handler[E]]:
    """Make a function the handler of an endpoint. Raises TypeError when its annotations say otherwise."""

    def mark(handler: Handler[E]) -> Handler[E]:
        signature = inspect.signature(handler, eval_str=True)
        request = next(iter(signature.parameters.values())).annotation
        if request is not endpoint or signature.return_annotation is not response_type(endpoint):
            raise TypeError(
                f"{handler.__module__}.{handler.__name__} must take {endpoint.__name__} "
                f"and return {response_type(endpoint).__name__}"
            )
        setattr(handler, _MARK, endpoint)
        return handler

    return mark


def endpoint_of(candidate: object) -> type[Endpoint[Any]] | None:
    """The endpoint that a function was made the handler of, None where it is no handler."""
    endpoint: type[Endpoint[Any]] | None = getattr(candidate, _MARK, None) if callable(candidate) else None
    return endpoint
