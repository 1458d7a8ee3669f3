"""The tables of the page on growth are those of the figures that were kept."""

import pytest
from benchmarks.assumed import Load, sizes_of, table_of

from benchmarks import scale


def test_the_page_is_as_the_figures_have_it() -> None:
    assert scale.main(["--check"]) == 0, "run python -m benchmarks.scale"


def test_every_table_of_the_page_is_filled() -> None:
    blocks = scale._BLOCK.findall(scale.PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 10
    page = scale.written(scale.PAGE.read_text(encoding="utf-8"))
    assert page.count("| --- |") + page.count("| --: |") >= len(blocks)


@pytest.mark.parametrize(
    ("relation", "table"),
    [
        ("sessions", "sessions"),
        ("sessions_by_end", "sessions"),
        ("sqlite_autoindex_uia_sessions_1", "uia_sessions"),
        ("uia_sessions_pkey", "uia_sessions"),
        ("outbox_pkey", "other"),
    ],
)
def test_an_index_counts_for_its_table(relation: str, table: str) -> None:
    assert table_of(relation, ["sessions", "uia_sessions"]) == table


def test_sizes_are_per_row() -> None:
    (size,) = sizes_of({"rows": {"accounts": 10}, "sizes": {"accounts": 1_000, "accounts_pkey": 300, "outbox": 5}})
    assert (size.row_bytes, size.index_bytes) == (100, 30)


def test_what_people_do_adds_up() -> None:
    load = Load(accounts=1_000, sessions_per_account=3, sessions_in_use_a_day=0.05, hours_in_use=4)
    assert load.in_use == pytest.approx(25)  # 150 sessions a day, each for a sixth of it
    assert load.refreshes_per_s == pytest.approx(25 * 0.5 / 300)
