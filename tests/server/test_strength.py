"""Estimates of strength, and that nobody can make one take long."""

import time

import pytest

from ostiary.api.secret import Secret
from ostiary.server.strength import LEET, MOST_CHARACTERS, ZxcvbnStrength

ESTIMATOR = ZxcvbnStrength()


@pytest.mark.parametrize(
    ("password", "strength"),
    [("", 0), ("password", 0), ("p4$$w0rd", 0), ("abc123x", 1), ("zebra-lamp", 3), ("\ud800", 0)],
)
def test_common_passwords_are_weak_and_uncommon_ones_strong(password: str, strength: int) -> None:
    assert ESTIMATOR.estimate(Secret(password), ()) == strength


def test_words_are_guessed_first_in_any_case() -> None:
    assert ESTIMATOR.estimate(Secret("wolfeschlegelsteinhausen"), ()) == 4
    assert ESTIMATOR.estimate(Secret("wolfeschlegelsteinhausen"), ("WolfeSchlegelSteinhausen", "")) == 0


def test_empty_word_is_none() -> None:
    assert ESTIMATOR.estimate(Secret("lamp zebra kiosk"), ("",)) == 4


def test_what_is_weak_up_to_where_it_is_cut_stays_weak() -> None:
    assert ESTIMATOR.estimate(Secret("a" * MOST_CHARACTERS + "lamp zebra kiosk gravel"), ()) == 0


@pytest.mark.parametrize(
    "password",
    [
        "".join(sorted(LEET)) * 200,
        "a" * 16 + "".join(sorted(LEET)) * 200,
        "(<[{1!|7" * 500,
        "a" * 4096,
        "abcdefghij" * 400,
        "1902" * 1000,
        "qwertyuiop" * 400,
        "lamp zebra kiosk gravel " * 100,
    ],
)
def test_no_password_takes_long(password: str) -> None:
    ESTIMATOR.estimate(Secret("warm up"), ())
    before = time.process_time()
    ESTIMATOR.estimate(Secret(password), ())
    assert time.process_time() - before < 1
