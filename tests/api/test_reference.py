"""The page about the endpoints is the contract's."""

from pathlib import Path

from ostiary.api.reference import reference

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "endpoints.md"


def test_committed_reference_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run: python -m ostiary.api > docs/reference/endpoints.md"
