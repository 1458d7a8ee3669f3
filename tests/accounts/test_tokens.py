"""Tokens: form and checksum."""

import string

from hypothesis import given
from hypothesis import strategies as st

from ostiary.accounts.tokens import ENTROPY_BYTES, TokenKind, base62, digest_of, is_well_formed, make_token

entropy = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
kinds = st.sampled_from(TokenKind)


@given(kinds, entropy)
def test_made_token_is_well_formed_for_its_kind_only(kind: TokenKind, data: bytes) -> None:
    token = make_token(kind, data).reveal()
    assert token.startswith(f"{kind}_")
    assert token.replace("_", "").isalnum()
    assert len(token) == 39
    assert [other for other in TokenKind if is_well_formed(other, token)] == [kind]


@given(st.binary(max_size=30), st.integers(0, 45))
def test_bytes_are_a_number_to_the_base_of_62_the_last_digit_first(data: bytes, length: int) -> None:
    text = base62(data, length)
    digits = [(string.digits + string.ascii_letters).index(letter) for letter in text]
    assert len(digits) == length
    assert sum(digit * 62**place for place, digit in enumerate(digits)) == int.from_bytes(data) % 62**length


@given(kinds, entropy, entropy)
def test_different_entropy_gives_different_tokens(kind: TokenKind, one: bytes, other: bytes) -> None:
    assert (make_token(kind, one) == make_token(kind, other)) == (one == other)


@given(kinds, entropy, st.data())
def test_any_one_character_changed_is_noticed(kind: TokenKind, data: bytes, draw: st.DataObject) -> None:
    token = make_token(kind, data).reveal()
    place = draw.draw(st.integers(0, len(token) - 1))
    other = draw.draw(st.characters().filter(lambda character: character != token[place]))
    assert not is_well_formed(kind, token[:place] + other + token[place + 1 :])


@given(kinds, st.text())
def test_no_other_text_is_well_formed_or_a_failure(kind: TokenKind, text: str) -> None:
    assert not is_well_formed(kind, text)
    assert len(digest_of(text)) == 32
