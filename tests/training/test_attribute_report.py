"""The table of attributes in the report of a rebuild."""

from training.reports.attributes import ATTRIBUTE_HEAD, attribute_rows

FIGURES = {
    "products": 2400, "values": 12, "right": 0.8611, "commonest": 0.1083, "expected_calibration_error": 0.0169,
    "answered": 0.9306, "right_when_answered": None, "photos": 1, "promised": 0.86, "among_3": 0.97,
}  # fmt: skip


def test_each_attribute_has_its_figures_or_the_reason_why_it_has_none() -> None:
    rows = attribute_rows(
        {"learned": {"colour": FIGURES}, "not_told": {"brand": FIGURES}, "left_out": {"attr.kids": "2 values must"}}
    )
    assert {len(row) for row in rows} == {len(ATTRIBUTE_HEAD)}
    assert rows[0] == ("colour", "2,400", "12", "0.861", "0.108", "0.017", "0.931", "–", "")
    assert [row[-1] for row in rows[1:]] == ["not learned: photos do not tell it", "not learned: 2 values must"]
    assert attribute_rows({}) == attribute_rows({"skipped": "too few"}) == []
