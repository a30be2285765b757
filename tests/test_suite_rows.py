"""A kept table gives a sweep its trials back."""

from pathlib import Path

from raytd.report.csv_text import as_csv
from raytd.report.saved import open_sweep
from tests.suite_rows import put_back, rows_of

KEPT = Path(__file__).parent / "sweep" / "kept" / "left"


def test_rows_go_through_a_table_and_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [dict(row) for row in open_sweep("kept", KEPT).rows]
    table = tmp_path / "table.csv"
    table.write_text(as_csv(rows))
    known = [{name: value for name, value in row.items() if value is not None} for row in rows]
    read = [{n: v for n, v in row.items() if v is not None} for row in rows_of(table)]
    assert read == known
    assert (put_back(table, tmp_path), put_back(table, tmp_path)) == (len(rows), 0)
