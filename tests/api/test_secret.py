"""A secret does not show itself."""

import copy
import json
import logging
import pickle
import pprint
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.secret import Secret

TEXT = "hunter2"


@pytest.mark.parametrize(
    "shown",
    [str(Secret(TEXT)), repr(Secret(TEXT)), f"{Secret(TEXT)}", f"{Secret(TEXT):>20}", f"{Secret(TEXT)!a}",
     f"{[Secret(TEXT)]}", "%s" % Secret(TEXT), pprint.pformat({"a": Secret(TEXT)}),
     json.dumps(Secret(TEXT), default=str)],
)  # fmt: skip
def test_shows_stars_however_it_is_printed(shown: str) -> None:
    assert TEXT not in shown
    assert "***" in shown


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8))
def test_nothing_of_any_text_is_shown(text: str) -> None:
    secret = Secret(text)
    assert text not in f"{secret}{secret!r}{secret:*^30}"
    assert secret.reveal() == text
    assert not hasattr(secret, "__dict__")


def test_log_and_traceback_do_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(Secret(TEXT))
    except ValueError as error:
        logging.getLogger("ostiary.test").exception("logged in with %s and %r", Secret(TEXT), Secret(TEXT))
        assert TEXT not in "".join(traceback.format_exception(error))
    assert TEXT not in caplog.text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps([Secret(TEXT)], protocol)


def test_is_not_copied_nor_written_by_accident() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(Secret(TEXT))
    with pytest.raises(TypeError, match="Secret") as caught:
        msgspec.json.encode({"password": Secret(TEXT)})
    assert TEXT not in str(caught.value)
    with pytest.raises(TypeError, match="Secret"):
        json.dumps(Secret(TEXT))


@given(st.text(), st.text())
def test_compares_by_text(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert (len(Secret(one)), bool(Secret(one))) == (len(one), bool(one))


def test_is_no_string_and_equals_none() -> None:
    assert Secret(TEXT) != TEXT
    assert Secret(TEXT) != TEXT
    assert Secret(TEXT) != TEXT.encode()


def test_compares_what_no_encoding_has() -> None:
    assert Secret("\ud800") == Secret("\ud800")
    assert Secret("\ud800") != Secret("\udfff")
