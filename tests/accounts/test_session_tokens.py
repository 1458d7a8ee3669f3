"""Tokens of sessions: form, checksum, derivation, what the database knows them by."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from ostiary.accounts.session_tokens import (
    LINEAGE_BYTES,
    NONCE_BYTES,
    SECRET_BYTES,
    SessionToken,
    SessionTokenKind,
    derive_pair,
    lineage_of_access,
    make_lineage,
    make_secret,
    parse_session_token,
)
from ostiary.accounts.tokens import TokenKind, is_well_formed, seal

numbers = st.integers(0, 2**63 - 1)
lineages = st.binary(min_size=LINEAGE_BYTES, max_size=LINEAGE_BYTES).map(make_lineage)
secrets = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES).map(make_secret)
nonces = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)
kinds = st.sampled_from(SessionTokenKind)
tokens = st.builds(SessionToken, kinds, numbers, numbers, lineages, secrets)
refresh_tokens = st.builds(SessionToken, st.just(SessionTokenKind.REFRESH), numbers, numbers, lineages, secrets)
letters = st.characters(codec="utf-8") | st.sampled_from("_0OlI1 \n\0é\ud800İ")


@given(tokens, kinds)
def test_token_is_of_its_kind_only_and_taken_apart_as_it_was_made(token: SessionToken, kind: SessionTokenKind) -> None:
    text = token.text.reveal()
    assert text.startswith(f"{token.kind}_")
    assert text.replace("_", "").isalnum()
    assert len(text) <= 5 + 16 + 1 + 16 + 1 + 36 + 1 + 6
    assert parse_session_token(kind, text) == (token if kind is token.kind else None)
    assert not any(is_well_formed(other, text) for other in TokenKind)


@given(tokens, st.data(), letters)
def test_any_one_character_changed_is_noticed(token: SessionToken, draw: st.DataObject, letter: str) -> None:
    text = token.text.reveal()
    place = draw.draw(st.integers(0, len(text) - 1))
    assume(letter != text[place])
    assert parse_session_token(token.kind, text[:place] + letter + text[place + 1 :]) is None


@given(kinds, st.text(st.characters(), max_size=90) | st.text(st.sampled_from("ostar_0fAz\ud800"), max_size=90))
def test_no_other_text_is_a_token_or_a_failure(kind: SessionTokenKind, text: str) -> None:
    assert parse_session_token(kind, text) is None
    assert parse_session_token(kind, seal(f"{kind}_{text.encode('ascii', 'ignore').decode()}")) is None


@given(kinds, st.sampled_from(["+1", " 1", "1 ", "01", "0x1", "A", "1_0", "", "-1", "8000000000000000", "f" * 5_000]))
def test_number_is_written_in_one_way_and_fits_the_database(kind: SessionTokenKind, number: str) -> None:
    rest = "a" * 36
    assert parse_session_token(kind, seal(f"{kind}_1_1_{rest}")) is not None
    assert parse_session_token(kind, seal(f"{kind}_{number}_1_{rest}")) is None
    assert parse_session_token(kind, seal(f"{kind}_1_{number}_{rest}")) is None


@given(refresh_tokens, numbers, nonces, nonces)
def test_pair_follows_from_refresh_token_and_nonce(
    token: SessionToken, generation: int, nonce: bytes, other_nonce: bytes
) -> None:
    pair = derive_pair(token, generation, nonce)
    assert pair == derive_pair(token, generation, nonce)
    assert {one.session_id for one in pair} == {token.session_id}
    assert {one.root for one in pair} == {token.root}, "they are told to be of the same session"
    assert len({one.digest for one in (*pair, token)}) == 3
    assume(nonce != other_nonce)
    for one, other in zip(pair, derive_pair(token, generation, other_nonce), strict=True):
        assert one.secret != other.secret
    for one, other in zip(pair, derive_pair(replace(token, secret="x" * 22), generation, nonce), strict=True):
        assert one.secret != other.secret


@given(tokens, secrets, lineages)
def test_digest_is_of_the_secret_and_root_of_the_lineage(token: SessionToken, secret: str, lineage: str) -> None:
    assume(secret != token.secret and lineage != token.lineage)
    assert replace(token, secret=secret).digest != token.digest
    assert replace(token, secret=secret).root == token.root
    assert replace(token, lineage=lineage).root != token.root
    assert replace(token, session_id=5, generation=6).digest == token.digest


@given(lineages)
def test_lineage_of_access_tokens_does_for_no_refresh_token(lineage: str) -> None:
    access = SessionToken(SessionTokenKind.ACCESS, 1, 0, lineage_of_access(lineage), "a" * 22)
    refresh = SessionToken(SessionTokenKind.REFRESH, 1, 0, lineage, "a" * 22)
    assert access.root == refresh.root
    assert replace(refresh, lineage=access.lineage).root != refresh.root


@given(tokens)
def test_nothing_that_prints_a_token_prints_its_secrets(token: SessionToken) -> None:
    assume(not token.lineage.isdigit())  # which its numbers, printed, may have among their digits
    assert token.secret not in f"{token} {token!r} {token.text}"
    assert token.lineage not in f"{token} {token!r} {token.text}"
