"""Tokens against whatever text comes: nothing raises, and nothing passes that is not as a token is made."""

from collections.abc import Callable

from hypothesis import assume, given
from hypothesis import strategies as st

from ostiary.accounts.tokens import ENTROPY_BYTES, TokenKind, digest_of, is_well_formed, make_token

kinds = st.sampled_from(TokenKind)
tokens = st.builds(
    lambda kind, entropy: (kind, make_token(kind, entropy).reveal()),
    kinds,
    st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES),
)
any_text = st.text(st.characters(), max_size=80)  # lone surrogates too: they come in by "\ud800" in JSON
letters = st.characters(codec="utf-8") | st.sampled_from("_0OlI1 \n\0é\ud800İ")
near_texts = st.text(st.sampled_from("ostarulv_0123456789azAZ\0é\ud800"), min_size=30, max_size=45)


@given(kinds, any_text | near_texts | near_texts.map(lambda text: f"osta_{text}"))
def test_no_text_is_a_failure_and_none_passes(kind: TokenKind, text: str) -> None:
    assert is_well_formed(kind, text) is False
    assert len(digest_of(text)) == 32


@given(tokens, kinds)
def test_only_a_token_of_the_kind_passes(made: tuple[TokenKind, str], kind: TokenKind) -> None:
    assert is_well_formed(kind, made[1]) is (kind is made[0])


@given(tokens, st.integers(0, 38), letters)
def test_one_character_changed_is_refused(made: tuple[TokenKind, str], place: int, letter: str) -> None:
    kind, token = made
    assume(letter != token[place])
    assert not is_well_formed(kind, token[:place] + letter + token[place + 1 :])


@given(tokens, st.integers(0, 37))
def test_two_neighbors_swapped_are_refused(made: tuple[TokenKind, str], place: int) -> None:
    kind, token = made
    assume(token[place] != token[place + 1])
    swapped = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
    assert not is_well_formed(kind, swapped)


@given(tokens, st.integers(0, 39), st.integers(0, 39), any_text)
def test_a_piece_cut_out_or_put_in_is_refused(made: tuple[TokenKind, str], one: int, other: int, piece: str) -> None:
    kind, token = made
    start, end = sorted((one, other))
    changed = token[:start] + piece + token[end:]
    assume(changed != token and len(piece) != end - start)
    assert not is_well_formed(kind, changed)


@given(tokens, st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_another_case_is_refused(made: tuple[TokenKind, str], change: Callable[[str], str]) -> None:
    kind, token = made
    changed = change(token)
    assume(changed != token)
    assert not is_well_formed(kind, changed)


@given(tokens, st.sampled_from([" ", "\n", "\t", "\0", "\u200b", "=", '"', "'", ","]))
def test_what_clings_to_a_token_is_refused(made: tuple[TokenKind, str], clinging: str) -> None:
    kind, token = made
    assert not is_well_formed(kind, token + clinging)
    assert not is_well_formed(kind, clinging + token)


@given(tokens, tokens)
def test_checksum_of_another_token_is_refused(one: tuple[TokenKind, str], other: tuple[TokenKind, str]) -> None:
    assume(one[1][-6:] != other[1][-6:])
    assert not is_well_formed(one[0], one[1][:-6] + other[1][-6:])
