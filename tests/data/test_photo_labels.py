"""What is decided about photos' labels is remembered, and holds for the label that it was about."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.catalogue import (
    KEEP,
    Catalogue,
    LabelDecision,
    LabelDoubt,
    PhotoLabels,
    PhotoRecord,
    Product,
    checked_kinds,
    decisions_state,
    label_of,
    photo_labels,
)
from data.errors import InvalidLabel

FIRST, SECOND = f"{1:064x}", f"{2:064x}"


def record(sha256: str) -> PhotoRecord:
    return PhotoRecord(sha256=sha256, source=f"/photos/{sha256}", size_bytes=1, width=9, height=9)


def put(catalogue: Catalogue, product_id: str, category: str, *photos: str, **attributes: str | bool) -> None:
    product = Product(product_id=product_id, category=category, attributes=attributes)
    catalogue.upsert(product, [record(photo) for photo in photos])


def doubt(photo: str, label: str) -> LabelDoubt:
    return LabelDoubt(photo=photo, label=label, probability=0.1, guesses=(("Bowls", 0.8), (label, 0.1)))


def decision(photo: str, label: str, corrected: str = KEEP) -> LabelDecision:
    return LabelDecision(photo=photo, label=label, corrected=corrected)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    catalogue = Catalogue(tmp_path)
    put(catalogue, "mug", "Mugs", FIRST, SECOND, gift=True)
    put(catalogue, "bowl", "Bowls", f"{3:064x}", gift=False)
    return catalogue


@pytest.fixture
def labels(catalogue: Catalogue) -> PhotoLabels:
    found = PhotoLabels(catalogue.home, "category")
    found.note_doubts([doubt(SECOND, "Mugs"), doubt(FIRST, "Mugs")], photos=3)
    return found


def test_doubts_stand_until_they_are_decided(labels: PhotoLabels, catalogue: Catalogue) -> None:
    assert [(found.photo, found.products) for found in labels.open_doubts()] == [(SECOND, ("mug",)), (FIRST, ("mug",))]
    check = labels.last_check()
    assert check is not None
    assert check.photos == 3
    assert checked_kinds(catalogue.home) == ["category"]
    labels.decide([decision(SECOND, "Mugs", "Bowls"), decision(FIRST, "Mugs")])
    assert labels.open_doubts() == []
    assert labels.corrections() == {(SECOND, "Mugs"): "Bowls"}
    labels.note_doubts([doubt(FIRST, "Mugs")], photos=3)
    assert labels.open_doubts() == [], "what was kept is not listed again"
    labels.undo(FIRST, "Mugs")
    assert [found.photo for found in labels.open_doubts()] == [FIRST]
    assert len(labels.decisions()) == 1


def test_after_many_decisions_a_check_brings_weaker_doubts(
    labels: PhotoLabels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_labels, "_MOST_DOUBTS", 1)
    found = [doubt(SECOND, "Mugs"), doubt(FIRST, "Mugs")]
    labels.note_doubts(found, photos=3)
    assert [each.photo for each in labels.open_doubts()] == [SECOND]
    labels.decide([decision(SECOND, "Mugs")])
    labels.note_doubts(found, photos=3)
    assert [each.photo for each in labels.open_doubts()] == [FIRST]
    labels.undo(SECOND, "Mugs")
    assert [each.photo for each in labels.open_doubts()] == [SECOND, FIRST]


def test_a_decision_holds_for_the_label_that_it_was_about(labels: PhotoLabels, catalogue: Catalogue) -> None:
    labels.decide([decision(FIRST, "Mugs"), decision(SECOND, "Mugs", "Bowls")])
    put(catalogue, "mug", "Plates", FIRST, SECOND)  # a later feed
    labels.note_doubts([doubt(FIRST, "Plates")], photos=3)
    assert [(found.photo, found.label) for found in labels.open_doubts()] == [(FIRST, "Plates")]
    put(catalogue, "mug", "Mugs", FIRST, SECOND)  # and back again
    assert labels.open_doubts() == [], "no product shows the photo under Plates any more"
    assert labels.corrections() == {(SECOND, "Mugs"): "Bowls"}


def test_what_is_not_there_cannot_be_decided_on(labels: PhotoLabels) -> None:
    for wrong in (decision("0" * 64, "Mugs"), decision(FIRST, "Bowls"), decision(FIRST, "Mugs", "Bolws")):
        with pytest.raises(InvalidLabel):
            labels.decide([decision(SECOND, "Mugs"), wrong])
    assert labels.decisions() == [], "all or none"
    labels.undo("\ud800", "\0")


def test_correcting_a_label_to_itself_keeps_it(labels: PhotoLabels) -> None:
    labels.decide([decision(FIRST, "Mugs", "Mugs")])
    assert [found.corrected for found in labels.decisions()] == [KEEP]


def test_attributes_are_labels_too(catalogue: Catalogue, labels: PhotoLabels) -> None:
    gifts = PhotoLabels(catalogue.home, "attr.gift")
    assert (gifts.known(), gifts.current(FIRST)) == (["False", "True"], ("True",))
    gifts.decide([decision(FIRST, "True", "False")])
    assert gifts.corrections() == {(FIRST, "True"): "False"}
    assert labels.corrections() == {}
    assert PhotoLabels(catalogue.home, 'attr."x').known() == []


def test_the_state_changes_with_every_decision(labels: PhotoLabels, catalogue: Catalogue) -> None:
    states = [decisions_state(catalogue.home)]
    for made in (decision(FIRST, "Mugs"), decision(FIRST, "Mugs", "Bowls")):
        labels.decide([made])
        states.append(decisions_state(catalogue.home))
    assert len(set(states)) == 3
    labels.undo(FIRST, "Mugs")
    assert decisions_state(catalogue.home) == states[0]


def test_what_is_erased_takes_its_decisions_along(labels: PhotoLabels, catalogue: Catalogue) -> None:
    labels.decide([decision(FIRST, "Mugs")])
    catalogue.erase_product("mug")
    assert labels.decisions() == []
    put(catalogue, "mug", "Mugs", FIRST)
    labels.decide([decision(FIRST, "Mugs")])
    catalogue.delete("mug")
    assert len(labels.decisions()) == 1
    catalogue.erase_deleted(datetime.now(UTC) + timedelta(days=1))
    assert labels.decisions() == []


def test_a_photo_of_many_products_is_found_under_all_its_labels(catalogue: Catalogue) -> None:
    for number in range(60):
        put(catalogue, f"plain {number}", "Mugs", FIRST)
    put(catalogue, "last", "Bowls ", FIRST, gift=False)
    labels, gifts = PhotoLabels(catalogue.home, "category"), PhotoLabels(catalogue.home, "attr.gift")
    labels.note_doubts([doubt(FIRST, "Mugs"), doubt(FIRST, "Bowls")], photos=61)
    gifts.note_doubts([doubt(FIRST, "False")], photos=61)
    assert [len(found.products) for found in labels.open_doubts()] == [20, 1], "no page names thousands of products"
    assert [found.products for found in gifts.open_doubts()] == [("last",)], "most have no such attribute"
    assert labels.current(FIRST) == ("Mugs", "Bowls")
    labels.decide([decision(FIRST, "Bowls", "Mugs")])
    assert labels.corrections() == {(FIRST, "Bowls"): "Mugs"}


@pytest.mark.parametrize("value", [True, False, 0.0, 42.0, 0.1, 1e22, 12345678901234.5, 1 / 3, " spaced\u3000", "1"])
def test_an_attribute_is_the_same_label_however_it_is_read(catalogue: Catalogue, value: str | float) -> None:
    product = Product(product_id="it", attributes={"fact": value})
    catalogue.upsert(product, [record(FIRST)])
    assert PhotoLabels(catalogue.home, "attr.fact").current(FIRST) == (label_of(product, "attr.fact"),)
