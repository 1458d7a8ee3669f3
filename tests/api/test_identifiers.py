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
historical = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":\0"), max_size=50)
servers = st.sampled_from(
    [
        "localhost",
        "example.org",
        "example.org:8448",
        "1.2.3.4",
        "1.2.3.4:80",
        "[::1]:80",
        "[2001:db8::1]",
        "EXAMPLE.org",
    ]
)


class TestUserIds:
    @given(strict, servers)
    def test_strict_localpart_is_its_own_and_a_historical_one(self, localpart: str, server: str) -> None:
        assert is_strict_localpart(localpart)
        assert parse_new_localpart(localpart, server) == localpart
        assert parse_user_id(make_user_id(localpart, server)) == (localpart, server)

    @given(historical, servers)
    def test_historical_localpart_survives_being_put_together_and_taken_apart(
        self, localpart: str, server: str
    ) -> None:
        user_id = make_user_id(localpart, server)
        if len(user_id.encode()) <= MAX_USER_ID_BYTES:
            assert parse_user_id(user_id) == (localpart, server)
            assert make_user_id(*parse_user_id(user_id)) == user_id
        else:
            with pytest.raises(ValueError, match="255 bytes"):
                parse_user_id(user_id)

    @given(st.text(), servers)
    def test_any_text_is_a_user_id_or_a_sentence(self, text: str, server: str) -> None:
        for candidate in (text, f"@{text}", f"@{text}:{server}"):
            try:
                localpart, server_name = parse_user_id(candidate)
            except ValueError as error:
                assert " " in str(error)
            else:
                assert make_user_id(localpart, server_name) == candidate

    @pytest.mark.parametrize("localpart", ["", "A", "ü", " ", "\N{GRINNING FACE}", "a b", "@", "\n", "\u202e"])
    def test_historical_localpart_that_is_not_strict_is_read(self, localpart: str) -> None:
        assert parse_user_id(f"@{localpart}:localhost").localpart == localpart
        assert not is_strict_localpart(localpart)

    @pytest.mark.parametrize(
        "text",
        ["", "alice", "@alice", "alice:localhost", "@a:", "@a:b c", "@a:b:", "@a:[::1", "@\0:b", "@\ud800:b", "@a:b\n",
         "@a:b:8448:1", "@a:bü", " @a:b"],
    )  # fmt: skip
    def test_what_is_no_user_id_is_told(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"\w+ \w+"):
            parse_user_id(text)

    @pytest.mark.parametrize(("text", "server"), [("@a:b:8448", "b:8448"), ("@a:[::1]:80", "[::1]:80")])
    def test_server_name_is_what_follows_the_first_colon(self, text: str, server: str) -> None:
        assert parse_user_id(text) == ("a", server)

    def test_limit_is_in_bytes_of_the_whole(self) -> None:
        longest = "@" + "ü" * 122 + ":localhost"
        assert len(longest.encode()) == MAX_USER_ID_BYTES
        assert parse_user_id(longest).localpart == "ü" * 122
        with pytest.raises(ValueError, match="255 bytes"):
            parse_user_id("@" + "ü" * 122 + "a:localhost")


class TestNewLocalparts:
    @given(st.text())
    def test_any_text_is_a_new_localpart_or_a_sentence(self, text: str) -> None:
        try:
            localpart = parse_new_localpart(text, "localhost")
        except ValueError as error:
            assert " " in str(error)
        else:
            assert is_strict_localpart(localpart)
            assert localpart == text.lower()
            assert parse_user_id(make_user_id(localpart, "localhost")).localpart == localpart

    @pytest.mark.parametrize("text", ["", "a b", "ü", "a:b", "@a", "a\n", "a\0", "a!", "@a:localhost"])
    def test_what_cannot_be_one_is_told(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"\w+ \w+"):
            parse_new_localpart(text, "localhost")

    @pytest.mark.parametrize("server", ["localhost", "a-longer-name.example.org:8448"])
    def test_longest_fits_the_server_name_and_one_more_does_not(self, server: str) -> None:
        longest = "a" * (MAX_USER_ID_BYTES - len(f"@:{server}"))
        assert parse_new_localpart(longest, server) == longest
        with pytest.raises(ValueError, match="255 bytes"):
            parse_new_localpart(longest + "a", server)


class TestServerNames:
    @given(servers)
    def test_server_name_is_read_as_it_is(self, name: str) -> None:
        assert parse_server_name(name) == name

    @pytest.mark.parametrize(
        "name", ["", "a b", "a_b", "http://a", "a:123456", "a:", "ü.example", "[::1", "::1", "a/b", "a\n"]
    )
    def test_bad_server_name_is_told(self, name: str) -> None:
        with pytest.raises(ValueError, match="not a server name"):
            parse_server_name(name)
