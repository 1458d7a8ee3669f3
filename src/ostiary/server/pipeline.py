"""What happens to every request between its route and its answer: authenticate, decode, limit, recall, handle, encode.

Each step is one function and none goes back. Who calls is asked first, so that nothing of a stranger's body is read
into values where a token is needed.
"""

from functools import cache
from typing import Any

from ostiary.accounts.appservices import Appservice
from ostiary.accounts.model import AccountState, Caller
from ostiary.accounts.transitions import refusal_to_act
from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.codec import build_request, decode_request, encode_response, parse_body, secret_fields
from ostiary.api.endpoint import Created, Endpoint, Place, RateLimit, fields_in
from ostiary.api.errors import Forbidden, GuestAccessForbidden, MissingToken, UnknownDevice
from ostiary.api.identifiers import parse_user_id
from ostiary.api.queries import parse_query
from ostiary.server.context import Incoming, RequestContext
from ostiary.server.routes import Route
from ostiary.server.services import Services

AUTH_FIELD = "auth"


def needs_body(route: Route) -> bool:
    """Whether a body is read at all."""
    return route.endpoint.meta.method != "GET" and not route.endpoint.meta.bodyless


async def answer(route: Route, incoming: Incoming, services: Services) -> tuple[int, bytes]:
    """Status and body of the answer. Raises MatrixError or AuthRequired where it is no success."""
    meta = route.endpoint.meta
    context = RequestContext(services, incoming)
    await _authenticate(route.endpoint, context)
    if meta.interactive:
        request = await _recall(route.endpoint, incoming, context)
    else:
        request = decode_request(route.endpoint, incoming.body, incoming.query, incoming.arguments)
        if meta.rate_limit is not None:
            await _take(meta.rate_limit, context)
    response = await route.handler(request, context)
    return 201 if isinstance(response, Created) else 200, encode_response(response)


async def _authenticate(endpoint: type[Endpoint[Any]], context: RequestContext) -> None:
    """Find out who calls, as the endpoint declares it."""
    rule = endpoint.meta.authentication
    services = context.services
    if isinstance(rule, NoToken):
        if rule.appservices and services.appservices.all and (token := _token(context.incoming)) is not None:
            context.appservice = services.appservices.find(token)
        return
    if isinstance(rule, OptionalToken) and rule.lenient:
        return
    token = _token(context.incoming)
    if token is None:
        if isinstance(rule, OptionalToken):
            return
        raise MissingToken("An access token is needed")
    caller = services.sessions.recall(token) or await _look_up(token, context)
    context.sender = caller
    if caller.state is not AccountState.ACTIVE or caller.is_guest:
        _refuse_unless_open(rule, caller)
    if isinstance(rule, AccessToken) and rule.admin:
        await _ensure_admin(caller, context)
    if caller.device_id is not None:
        services.last_seen.note(caller.localpart, caller.device_id, services.clock.now(), context.origin)


async def _look_up(token: str, context: RequestContext) -> Caller:
    """Whose a token is that is not remembered: an application service's, or a session's."""
    context.appservice = context.services.appservices.find(token)
    if context.appservice is not None:
        return await _masquerade(context.appservice, context)
    return await context.services.sessions.authenticate(token)


def _refuse_unless_open(rule: AccessToken | OptionalToken, caller: Caller) -> None:
    """Whether the call is open to accounts of this state and kind."""
    may_be_locked = isinstance(rule, AccessToken) and rule.locked
    may_be_suspended = isinstance(rule, OptionalToken) or rule.suspended
    refusal = refusal_to_act(caller.state, may_be_locked=may_be_locked, may_be_suspended=may_be_suspended)
    if refusal is not None:
        raise refusal
    if caller.is_guest and not (isinstance(rule, AccessToken) and rule.guests):
        raise GuestAccessForbidden("Guests cannot do this")


async def _ensure_admin(caller: Caller, context: RequestContext) -> None:
    """Raise Forbidden unless an administrator calls. Whom an application service speaks for, it does not become."""
    if context.appservice is not None:
        raise Forbidden("Application services do not administer the server")
    await context.services.moderation.ensure_admin(caller)


async def _masquerade(appservice: Appservice, context: RequestContext) -> Caller:
    """Who an application service speaks as: the user that its query names, else its own.

    Spec: application service API, "Identity assertion".
    """
    services = context.services
    said = parse_query(context.incoming.query)
    localpart = appservice.sender
    if (user_id := said.get("user_id")) is not None:
        try:
            parts = parse_user_id(user_id)
        except ValueError:
            raise Forbidden("'user_id' is not a user ID", field="user_id") from None
        localpart = parts.localpart
        if parts.server_name != services.server_name or not appservice.speaks_for(user_id, localpart):
            raise Forbidden("The user is not of this application service's name space", field="user_id")
    account = await services.store.find_credentials(localpart)
    if account is None or account.localpart != localpart:
        raise Forbidden("The user is not registered", field="user_id")
    device_id = said.get("device_id", said.get("org.matrix.msc3202.device_id"))
    if device_id is not None and await services.store.find_device(localpart, device_id) is None:
        raise UnknownDevice("The user has no such device", field="device_id")
    return Caller(
        None, localpart, device_id, account.kind, account.state, None, appservice.token_digest,
        appservice.appservice_id,
    )  # fmt: skip


async def _take(limit: RateLimit, context: RequestContext) -> None:
    """Count the call against its sender's address, unless an application service is exempt; a change against both.

    What else is limited by account counts where the account is known: with the password, the name, the token.
    """
    if context.appservice is not None and not context.appservice.rate_limited:
        return
    context.services.limiter.take_for_address(limit, context.incoming.address)
    if limit is RateLimit.CHANGE and context.sender is not None:
        await context.services.limiter.take_for_account(limit, context.sender.localpart)


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
    for older, name in endpoint.meta.aliases.items():
        if older in body and name not in body:
            body[name] = body.pop(older)
    if endpoint.meta.rate_limit is not None:
        await _take(endpoint.meta.rate_limit, context)
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
        loose=endpoint.meta.loose,
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
