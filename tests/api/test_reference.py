"""The pages about the endpoints are the contract's."""

from pathlib import Path

from ostiary.api.reference import admin_reference, reference

PAGES = Path(__file__).parent.parent.parent / "docs" / "reference"


def test_committed_reference_is_current() -> None:
    page = (PAGES / "endpoints.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m ostiary.api > docs/reference/endpoints.md"


def test_committed_reference_of_the_admin_api_is_current() -> None:
    page = (PAGES / "admin-api.md").read_text(encoding="utf-8")
    assert page == admin_reference(), "run: python -m ostiary.api --admin > docs/reference/admin-api.md"
