"""A secret does not show itself."""

import json
import logging
import pickle

import pytest

from ostiary.api.secret import Secret

TEXT = "hunter2"


@pytest.mark.parametrize(
    "shown",
    [str(Secret(TEXT)), repr(Secret(TEXT)), f"{Secret(TEXT)}", f"{Secret(TEXT):>20}", f"{[Secret(TEXT)]}",
     "%s" % Secret(TEXT), json.dumps(Secret(TEXT), default=str)],
)  # fmt: skip
def test_shows_stars_however_it_is_printed(shown: str) -> None:
    assert TEXT not in shown
    assert "***" in shown


def test_log_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("ostiary.test").warning("logged in with %s", Secret(TEXT))
    assert TEXT not in caplog.text


def test_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(TEXT))


def test_compares_by_text_with_secrets_only() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT
    assert hash(Secret(TEXT)) == hash(Secret(TEXT))
    assert Secret("ü") == Secret("ü")
    assert not Secret("")
    assert len(Secret(TEXT)) == 7
