"""The admin API's own OpenAPI document, answered to administrators."""

from ostiary.api.administration.meta import admin_meta
from ostiary.api.endpoint import Endpoint, Object


class OpenApiDocument(Object, frozen=True):
    """An OpenAPI document."""


class GetOpenApi(Endpoint[OpenApiDocument], frozen=True, kw_only=True):
    """The OpenAPI document of this API."""

    meta = admin_meta("GET", "openapi.json")
