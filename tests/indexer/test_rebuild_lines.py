"""What people read at the end of a rebuild."""

from pathlib import Path

from indexer.rebuild import RebuildSummary, describe
from indexer.rebuild.gates import check_quality, check_unreadable


def test_a_refused_rebuild_names_the_gate_and_what_was_left_out() -> None:
    gates = (check_unreadable(3, 10), check_quality(None, None, max_drop=0.02))
    photo = {"sha256": "a", "source": "x.jpg", "code": "truncated", "message": "x.jpg is cut short"}
    text = describe(
        RebuildSummary(
            published=False, generation=None, reason="unreadable must be <= 0.2", started_at="", gates=gates,
            counts={"products": 4, "images": 10, "unreadable": 3, "products_without_photo": 1},
            seconds={"embed": 2.0, "total": 2.4}, unreadable=(photo,) * 3,
            not_trained={"voters": "2 labels are needed"},
        ),
        Path("/shop"),
    )  # fmt: skip
    assert text.splitlines() == [
        "Nothing was published: unreadable must be <= 0.2",
        "  products 4 with photos, 1 without",
        "  photos   10, 0 of them embedded now",
        "  left out x.jpg is cut short (and 2 more)",
        "  skipped  voters: 2 labels are needed",
        "  quality  the catalogue has nothing to measure held-out quality on",
        "  gates    unreadable FAILED: 3 of 10 photos could not be read",
        "  time     embed 2 s, in all 2 s",
        "  details  /shop/last_rebuild.json",
    ]
