"""Phone numbers as people write them, in canonical form."""

import subprocess
import sys

import pytest

from ostiary.delivery.phones import Phones


@pytest.mark.parametrize(
    ("country", "number", "canonical"),
    [
        ("GB", "07700 900001", "447700900001"),
        ("GB", "+44 7700 900001", "447700900001"),
        ("gb", "(07700) 900-001", "447700900001"),
        ("US", "(212) 555-0123", "12125550123"),
        ("IT", "06 1234 5678", "390612345678"),
        ("DE", "+447700900001", "447700900001"),
        ("XX", "+447700900001", "447700900001"),
    ],
)
def test_a_number_is_canonical(country: str, number: str, canonical: str) -> None:
    assert Phones().canonical(country, number) == canonical


@pytest.mark.parametrize(
    ("country", "number", "complaint"),
    [
        ("GB", "", "is not a phone number"),
        ("GB", "alice@example.org", "is not a phone number"),
        ("GB", "0770", "is too short for a phone number of its country"),
        ("US", "911", "is too short for a phone number of its country"),
        ("GB", "0770090000100000", "is too long for a phone number of its country"),
        ("GB", "0" * 1_000_000, "is too long for a phone number"),
        ("XX", "07700900001", "cannot be read: 'country' must be a code of two letters, such as GB"),
        ("GB", "07700900001 ext 3", "must not have an extension: no text message can be sent to one"),
    ],
)
def test_what_is_no_number_is_told_so(country: str, number: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="^" + complaint + "$"):
        Phones().canonical(country, number)


def test_the_library_is_not_imported_before_a_number_is_read() -> None:
    program = "import sys, ostiary.delivery.phones as p; p.Phones(); sys.exit('phonenumbers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
