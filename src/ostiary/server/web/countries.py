"""The countries that a phone number may be of, for a form: named in the reader's language, the likeliest chosen."""

from functools import cache
from typing import Final

from ostiary.server.web.texts import LANGUAGES, wishes

_HOME_OF: Final = {"de": "DE", "en": "GB", "fr": "FR", "it": "IT", "es": "ES", "nl": "NL", "pl": "PL"}


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Every country's code and its name with its dialing code, in the order of the names."""
    import phonenumbers
    from phonenumbers.geodata.locale import LOCALE_DATA

    if language not in LANGUAGES:
        language = LANGUAGES[0]
    named = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        names = LOCALE_DATA.get(region, {})
        name = names.get(language, "")
        if name.startswith("*"):  # the same as in another language
            name = names.get(name[1:], "")
        named.append((region, f"{name or region} (+{phonenumbers.country_code_for_region(region)})"))
    return tuple(sorted(named, key=lambda one: _sorted_as(one[1])))


def likely_country(accept_language: bytes) -> str:
    """The country that a reader with this header may be in; empty where nothing can be said."""
    first = accept_language.decode("latin-1").partition(",")[0].partition(";")[0].strip()
    region = first.rpartition("-")[2] if "-" in first else ""
    if len(region) == 2 and region.isascii() and region.isalpha():
        return region.upper()
    return next((_HOME_OF[one] for one in wishes(accept_language) if one in _HOME_OF), "")


def _sorted_as(name: str) -> str:
    return name.translate(str.maketrans("ÄÖÜÅäöüå", "AOUAaoua")).casefold()
