"""A change as rows of the log in Milvus: it comes back as it was, and nothing else is taken for one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from data.catalogue import ChangePlace, PhotoRecord, parse_product
from engine.changes import Change, ChangeLog, Confirmed, ReadPlace
from engine.errors import InvalidModel
from engine.index import Milvus


def test_a_change_comes_back_as_it_was_and_nothing_else_is_taken_for_one() -> None:
    photos = (PhotoRecord(sha256="a" * 64, source="", size_bytes=3, width=2, height=1, colours=("red",)),)
    product = parse_product(
        {"product_id": "p", "title": "T", "price": 3, "created_at": "2026-01-02", "attributes": {"x": 1.5}}
    )
    change = Change(
        seq=7, product_key=3, product_id="p", product=product, images_changed=True, image_keys=(9,), photos=photos,
        embedded=(0,), vectors=np.ones((1, 2), np.float32),
    )  # fmt: skip
    texts, vectors = zip(*change.rows(2), strict=True)
    back = Change.of_rows(texts, [vector.tolist() for vector in vectors])
    assert replace(back, vectors=change.vectors) == change
    assert back.vectors.tolist() == [[1, 1]]
    undated = replace(change, product=replace(product, created_at=None))
    assert Change.of_rows([text for text, _ in undated.rows(2)], vectors).product == undated.product
    fields = json.loads("".join(texts))
    changed = [
        {"seq": float("inf")}, {"seq": -1}, {"embedded": [1e400]}, {"embedded": [1]}, {"image_keys": []},
        {"photos": [[1, 2, 3]]}, {"product": {"title": "T"}}, {"product": fields["product"] | {"price": "3"}},
        {"product": fields["product"] | {"title": None}}, {"product": fields["product"] | {"created_at": 1}},
        {"product": fields["product"] | {"attributes": []}},
    ]  # fmt: skip
    lines = [json.dumps(fields | change) for change in changed]
    for wrong in ('{"seq": 1}', "[]", "", '{"embedded": 1}', "[" * 100_000, *lines):
        with pytest.raises(InvalidModel, match="as it was written"):
            Change.of_rows([wrong], [[0.0, 0.0]])


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "[" * 100_000, '{"format": 1, "log": 1e400, "row": 1, "seq": 1, "product_key": 1}',
        '{"format": 1, "log": 1, "row": -1, "seq": 1, "product_key": 1}',
    ],
)  # fmt: skip
def test_a_log_that_does_not_say_how_far_it_goes_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    log = ChangeLog(Milvus("http://nowhere.invalid", ""), "c")
    monkeypatch.setattr(log, "_ask", lambda what, **_: what == "has_collection" or [{"text": text}])
    with pytest.raises(InvalidModel, match="how far its changes go"):
        log.confirmed()


def test_a_change_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows would be asked for again and again, 512 at a time, up to the number that the damaged row names."""
    log = ChangeLog(Milvus("http://nowhere.invalid", ""), "c")
    monkeypatch.setattr(log, "confirmed", lambda: Confirmed(1, 2, ChangePlace(1, 1)))
    row = {"row": 1, "first": 1, "parts": 2**60, "product": 1, "text": "", "vector": [0.0]}
    monkeypatch.setattr(log, "_ask", lambda *_, **__: [row])
    with pytest.raises(InvalidModel, match="must end at row 2"):
        log.changes_after(ReadPlace())
