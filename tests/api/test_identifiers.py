"""Identifiers: two grammars, and limits in bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.identifiers import (
    MAX_USER_ID_BYTES,
    is_strict_localpart,
    make_user_id,
    parse_new_localpart,
    parse_server_name,
    parse_user_id,
)

strict = st.text("abcdefghijklmnopqrstuvwxyz0123456789._=-/+", min_size=1, max_size=60)
servers = st.sampled_from(["localhost", "example.org", "example.org:8448", "1.2.3.4", "[::1]:80", "[2001:db8::1]"])


@given(strict, servers)
def test_strict_localpart_is_its_own_and_survives(localpart: str, server: str) -> None:
    assert parse_new_localpart(localpart, server) == localpart
    assert is_strict_localpart(localpart)
    assert parse_user_id(make_user_id(localpart, server)) == (localpart, server)


@given(st.text(max_size=60), servers)
def test_historical_localpart_is_read_where_it_can_be_one(localpart: str, server: str) -> None:
    legal = not any(character in ":\0" or "\ud800" <= character <= "\udfff" for character in localpart)
    fits = len(make_user_id(localpart, server).encode("utf-8", "replace")) <= MAX_USER_ID_BYTES
    if legal and fits:
        assert parse_user_id(make_user_id(localpart, server)) == (localpart, server)
    elif ":" not in localpart:
        with pytest.raises(ValueError, match=r"\w"):
            parse_user_id(make_user_id(localpart, server))


@given(st.text())
def test_any_text_is_a_new_localpart_or_a_sentence(text: str) -> None:
    try:
        localpart = parse_new_localpart(text, "localhost")
    except ValueError as error:
        assert str(error)
    else:
        assert is_strict_localpart(localpart)
        assert localpart == text.lower()


@pytest.mark.parametrize(
    "text", ["", "alice", "@alice", "alice:localhost", "@a:", "@a:b c", "@a:b:", "@a:[::1", "@\0:b"]
)
def test_what_is_no_user_id_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_user_id(text)


def test_server_name_is_what_follows_the_first_colon() -> None:
    assert parse_user_id("@a:b:8448") == ("a", "b:8448")
    assert parse_user_id("@a:[::1]:80") == ("a", "[::1]:80")


def test_limit_is_in_bytes() -> None:
    assert parse_user_id("@" + "ü" * 122 + ":localhost").localpart
    with pytest.raises(ValueError, match="255 bytes"):
        parse_user_id("@" + "ü" * 123 + ":localhost")


@pytest.mark.parametrize("name", ["", "a b", "a_b", "http://a", "a:123456", "ü.example"])
def test_bad_server_name_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="not a server name"):
        parse_server_name(name)
