"""What type checkers see of the contract."""
# ruff: noqa: A005 - it is imported as tests.typing, and hides nothing
