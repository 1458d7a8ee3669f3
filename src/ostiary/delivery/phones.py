"""Phone numbers, read by the library phonenumbers. The only module that knows it."""

from typing import Final

CHARACTERS_AT_MOST: Final = 40
"""Of a number as people write it: 15 digits, and what they put between them."""


class Phones:
    """``accounts.ports_outside.PhoneNumbers``.

    The library is imported when the first number is read: a server without text messages never needs it. A number
    counts as one when its length is right for its country; whether the range is in use is not asked, since ranges
    change faster than servers are updated.
    """

    def canonical(self, country: str, number: str) -> str:
        import phonenumbers

        if len(number) > CHARACTERS_AT_MOST:
            raise ValueError("is too long for a phone number")
        is_international = number.strip().startswith(("+", "\N{FULLWIDTH PLUS SIGN}"))
        region = country.upper()
        if not is_international and region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("cannot be read: 'country' must be a code of two letters, such as GB")
        try:
            parsed = phonenumbers.parse(number, region)
        except phonenumbers.NumberParseException:
            raise ValueError("is not a phone number") from None
        if parsed.extension:
            raise ValueError("must not have an extension: no text message can be sent to one")
        match phonenumbers.is_possible_number_with_reason(parsed):
            case phonenumbers.ValidationResult.IS_POSSIBLE:
                return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
            case phonenumbers.ValidationResult.TOO_SHORT | phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
                raise ValueError("is too short for a phone number of its country")
            case phonenumbers.ValidationResult.TOO_LONG:
                raise ValueError("is too long for a phone number of its country")
            case _:
                raise ValueError("is not a phone number of its country")
