"""The mail addresses and phone numbers of any account. ``medium``: ``email`` or ``msisdn``."""

from ostiary.api.account_deactivation import UnbindResponse
from ostiary.api.administration.meta import ACCOUNT, admin_meta
from ostiary.api.administrative_contact import ThirdPartyId, ThirdPartyIdsResponse
from ostiary.api.endpoint import Endpoint, InPath
from ostiary.api.errors import BadState, InvalidParam, NotFound, ThreepidInUse
from ostiary.api.identifiers import Identifier


class ListThreepids(Endpoint[ThirdPartyIdsResponse], frozen=True, kw_only=True):
    """The addresses of an account."""

    meta = admin_meta("GET", f"{ACCOUNT}/threepids", InvalidParam, NotFound)
    name: InPath[str]


class AddThreepid(Endpoint[ThirdPartyId], frozen=True, kw_only=True):
    """Give an account an address, which its owner need not prove. Phone numbers: the country's code first."""

    meta = admin_meta("POST", f"{ACCOUNT}/threepids", BadState, InvalidParam, NotFound, ThreepidInUse)
    name: InPath[str]
    medium: Identifier
    address: Identifier


class RemoveThreepid(Endpoint[UnbindResponse], frozen=True, kw_only=True):
    """Take an address from an account, and have identity servers forget it."""

    meta = admin_meta("DELETE", f"{ACCOUNT}/threepids/{{medium}}/{{address}}", InvalidParam, NotFound)
    name: InPath[str]
    medium: InPath[str]
    address: InPath[str]
