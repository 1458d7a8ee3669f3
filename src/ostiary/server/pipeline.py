"""What happens to every request between its route and its answer: authenticate, decode, limit, recall, handle, encode.

Each step is one function and none goes back. Who calls is asked first, so that nothing of a stranger's body is read
into values where a token is needed.
"""

from functools import cache
from typing import Any

from ostiary.accounts.model import Caller
from ostiary.accounts.transitions import refusal_to_act
from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.codec import build_request, decode_request, encode_response, parse_body, parse_query, secret_fields
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.errors import GuestAccessForbidden, MissingToken
from ostiary.server.context import Incoming, RequestContext
from ostiary.server.routes import Route
from ostiary.server.services import Services

AUTH_FIELD = "auth"


def needs_body(route: Route) -> bool:
    """Whether a body is read at all."""
    return route.endpoint.meta.method != "GET" and not route.endpoint.meta.bodyless


async def answer(route: Route, incoming: Incoming, services: Services) -> bytes:
    """The body of the answer. Raises MatrixError or AuthRequired where it is no success."""
    meta = route.endpoint.meta
    sender = await _authenticate(route.endpoint, incoming, services)
    context = RequestContext(services, incoming, sender)
    if meta.interactive:
        request = await _recall(route.endpoint, incoming, context)
    else:
        request = decode_request(route.endpoint, incoming.body, incoming.query, incoming.arguments)
        if meta.rate_limit is not None:
            services.limiter.take_for_address(meta.rate_limit, incoming.address)
    return encode_response(await route.handler(request, context))


async def _authenticate(endpoint: type[Endpoint[Any]], incoming: Incoming, services: Services) -> Caller | None:
    rule = endpoint.meta.authentication
    if isinstance(rule, NoToken) or (isinstance(rule, OptionalToken) and rule.lenient):
        return None
    token = _token(incoming)
    if token is None:
        if isinstance(rule, OptionalToken):
            return None
        raise MissingToken("An access token is needed")
    caller = services.sessions.recall(token) or await services.sessions.authenticate(token)
    may_be_locked = isinstance(rule, AccessToken) and rule.locked
    if (refusal := refusal_to_act(caller.state, may_be_locked=may_be_locked)) is not None:
        raise refusal
    if caller.is_guest and not (isinstance(rule, AccessToken) and rule.guests):
        raise GuestAccessForbidden("Guests cannot do this")
    services.last_seen.note(caller, services.clock.now(), incoming.address)
    return caller


def _token(incoming: Incoming) -> str | None:
    """The access token of the header, or else, as in the first versions, of the query."""
    if incoming.authorization is not None:
        scheme, _, token = incoming.authorization.partition(b" ")
        if scheme.lower() == b"bearer" and (token := token.strip()):
            return token.decode("latin-1")
    if b"access_token=" in incoming.query:
        return parse_query(incoming.query).get("access_token") or None
    return None


async def _recall(endpoint: type[Endpoint[Any]], incoming: Incoming, context: RequestContext) -> Endpoint[Any]:
    """Read a request that needs interactive authentication, which may leave out what it said before."""
    body = parse_body(endpoint, incoming.body)
    if endpoint.meta.rate_limit is not None:
        context.services.limiter.take_for_address(endpoint.meta.rate_limit, incoming.address)
    auth = body.get(AUTH_FIELD)
    session = auth.get("session") if isinstance(auth, dict) else None
    known = fields_in(endpoint, Place.BODY)
    context.attempt = await context.services.uia.recall(
        operation=endpoint.__name__,
        target=_target(endpoint, incoming),
        owner=context.sender.localpart if context.sender else None,
        given={name: body[name] for name in sorted(known - {AUTH_FIELD}) if body.get(name) is not None},
        secrets=_secrets(endpoint),
        session=session if isinstance(session, str) and session else None,
    )
    parameters: dict[str, Any] = {name: value for name, value in body.items() if name not in known}
    parameters |= context.attempt.parameters
    if auth is not None:
        parameters[AUTH_FIELD] = auth
    return build_request(endpoint, parameters, incoming.query, incoming.arguments)


def _target(endpoint: type[Endpoint[Any]], incoming: Incoming) -> str:
    """What path and query say, whichever of the endpoint's paths was taken."""
    in_query = fields_in(endpoint, Place.QUERY)
    said = parse_query(incoming.query)
    named = {name: value for name, value in said.items() if name in in_query} | dict(incoming.arguments)
    return "&".join(f"{name}={named[name]}" for name in sorted(named))


@cache
def _secrets(endpoint: type[Endpoint[Any]]) -> frozenset[str]:
    return secret_fields(endpoint)
