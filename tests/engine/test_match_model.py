"""The match model: what it reads from an answer, that its verdicts never contradict themselves, and its file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_models import logistic, plain_space
from safetensors.numpy import save_file
from tiny_shop import TinyShop, axis, photo_of

from data.settings import Settings
from engine.answers import (
    ANSWER_SIGNS,
    HIT_SIGNS,
    Evidence,
    SearchRequest,
    answer_signs,
    hit_signs,
    judge_by,
    question_kind,
)
from engine.errors import InvalidModel, InvalidQuery
from engine.match import MATCH_FILE, KindModel, Logistic, MatchModel, WordMap
from engine.protocols import Floats
from engine.search import SearchEngine


def photo_model(**hit: float) -> KindModel:
    """Returns a model that trusts answers by their best cosine and hits by their distance from the best."""
    return KindModel(
        logistic(ANSWER_SIGNS["photo"], bias=-4.0, best=8.0), logistic(HIT_SIGNS["photo"], bias=3.0, **hit)
    )


def model_of(space: str = "") -> MatchModel:
    words = WordMap(np.eye(2, 3, dtype=np.float32), np.eye(3, dtype=np.float32)[2:])
    return MatchModel(kinds={"photo": photo_model(below=-10.0)}, words=words, space=space)


def scores(*values: float) -> Floats:
    return np.array(values, np.float32)


def test_signs_of_an_answer() -> None:
    seen = Evidence(
        scores=scores(0.5, 0.9, 0.7), shares=scores(0, 1, 0.5), by_letters=np.array([False, True, False]),
        near=(0.8, 0.3), outside=1.0, middles=scores(0.4, 0.8, 0.6),
    )  # fmt: skip
    signs = answer_signs(seen)
    wanted = {"best": 0.9, "gap": 0.2, "lead": 0.3, "held": 1, "partly": 0, "whole": 1, "shop": 0.8, "strangers": 0.3}
    wanted |= {"middle": 0.8, "middle_gap": 0.2}
    assert {name: signs[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    of_hits = hit_signs(seen, 0.5, ("below", "lacking", "middle_below", "ahead", "middle_ahead", "chance"))
    np.testing.assert_allclose(of_hits["below"], [0.4, 0, 0.2], atol=1e-6)
    np.testing.assert_allclose(of_hits["lacking"], [1, 0, 0.5])
    np.testing.assert_allclose(of_hits["middle_below"], [0.4, 0, 0.2], atol=1e-6)
    np.testing.assert_allclose(of_hits["ahead"], [-0.4, 0.2, -0.2], atol=1e-6)
    np.testing.assert_allclose(of_hits["middle_ahead"], [-0.4, 0.2, -0.2], atol=1e-6)
    assert of_hits["chance"] == pytest.approx(0)


def test_one_hit_alone_has_no_gap_and_a_missing_sign_counts_as_its_mean() -> None:
    signs = answer_signs(Evidence(scores=scores(0.9)))
    assert np.isnan([signs["gap"], signs["lead"], signs["middle"]]).all()
    assert np.isnan(hit_signs(Evidence(scores=scores(0.9)), 0.5, ["ahead"])["ahead"]).all()
    mean = Logistic(signs=("gap",), mean=np.array([5.0]), scale=np.ones(1), weights=np.ones(1), bias=0.0)
    assert mean.chances(signs)[0] == pytest.approx(0.5)


def test_a_sign_far_from_all_that_was_learned_from_counts_as_a_bound() -> None:
    model = logistic(("best",), best=1.0)
    assert model.chances({"best": 100.0})[0] == model.chances({"best": 3.0})[0] > model.chances({"best": 2.9})[0]


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12),
    st.dictionaries(st.sampled_from(ANSWER_SIGNS["photo"]), st.floats(-9, 9)),
    st.dictionaries(st.sampled_from(HIT_SIGNS["photo"]), st.floats(-9, 9)),
    st.floats(-5, 5),
)
def test_no_match_and_the_probabilities_never_contradict(
    cosines: list[float], answer: dict[str, float], hit: dict[str, float], bias: float
) -> None:
    model = KindModel(logistic(ANSWER_SIGNS["photo"], bias, **answer), logistic(HIT_SIGNS["photo"], bias, **hit))
    verdict = judge_by(model, Evidence(scores=scores(*cosines)))
    assert verdict["probabilities"] is not None
    assert len(verdict["probabilities"]) == len(cosines)
    assert all(0 <= chance <= 1 for chance in verdict["probabilities"])
    assert not verdict["no_match"] or max(verdict["probabilities"]) < 0.5


def test_what_words_are_near_to_counts_apart_where_no_hit_holds_any_of_them() -> None:
    held, unheld = (
        answer_signs(Evidence(scores=scores(0.5, 0.4), shares=scores(0, share), near=(0.8, 0.3))) for share in (0.5, 0)
    )
    wanted = {"unheld": 1, "unheld_shop": 0.8, "unheld_strangers": 0.3}
    assert {name: unheld[name] for name in wanted} == wanted
    assert {name: held[name] for name in wanted} == dict.fromkeys(wanted, 0)


def test_what_words_are_near_to_counts_apart_where_no_product_has_some_of_them() -> None:
    known, others = (
        answer_signs(Evidence(scores=scores(0.5, 0.4), shares=scores(0, 0.5), near=(0.8, 0.3), others=others))
        for others in (False, True)
    )
    assert [known[name] for name in ("others", "others_shop", "others_strangers")] == [0, 0, 0]
    assert [others[name] for name in ("others", "others_shop", "others_strangers")] == [1, 0.8, 0.3]


def test_likeness_counts_apart_where_no_product_has_the_thing() -> None:
    carrots, cake = (
        answer_signs(Evidence(scores=scores(0.4, 0.5), near=(0.8, 0.3), others=True, no_thing=no_thing))
        for no_thing in (False, True)
    )
    assert (carrots["no_thing_best"], cake["no_thing_best"]) == (0, 0.5)


def test_a_photo_outside_all_that_is_known_is_no_match_unless_it_is_nearly_the_same() -> None:
    model = KindModel(photo_model().answer, photo_model().hit, farthest=1.5)
    inside, outside, same = (
        judge_by(model, Evidence(scores=scores(best, 0.2), outside=far))
        for best, far in ((0.8, 1.4), (0.8, 1.6), (0.95, 1.6))
    )
    assert not inside["no_match"]
    assert outside["no_match"]
    assert not same["no_match"]


def test_kinds_of_question() -> None:
    assert question_kind(SearchRequest(text="mug")) == "text"
    assert question_kind(SearchRequest(image=b"")) == "photo"
    assert question_kind(SearchRequest(image=b"", text="mug")) == "mixed"
    assert question_kind(SearchRequest(product_id="a", text="mug")) == "mixed"
    assert question_kind(SearchRequest(product_id="a", not_text="mug")) == "similar"


def test_nearness_to_words_of_the_shop_and_to_others() -> None:
    assert model_of().words.nearest(scores(0.6, 0, 0.8)) == pytest.approx((0.6, 0.8))
    empty = np.zeros((0, 3), np.float32)
    assert WordMap(empty, empty).nearest(scores(1, 0, 0)) == (0.0, 0.0)


def test_it_reads_back_what_it_wrote(tmp_path: Path) -> None:
    model_of("space").save(tmp_path)
    first = (tmp_path / MATCH_FILE).read_bytes()
    again = MatchModel.load(tmp_path / MATCH_FILE)
    assert again.space == "space"
    signs = answer_signs(Evidence(scores=scores(0.9, 0.2)))
    assert again.kinds["photo"].answer.chances(signs) == model_of().kinds["photo"].answer.chances(signs)
    again.save(tmp_path)
    assert (tmp_path / MATCH_FILE).read_bytes() == first


@pytest.mark.parametrize(
    ("facts", "width"),
    [
        ("{}", 3),
        ('{"kinds": {"text": {}}, "space": ""}', 3),
        ('{"kinds": {"text": {"answer": {"signs": ["a"], "mean": [0], "scale": [0], "weights": [1], "bias": 0}}}}', 3),
        ('{"kinds": {}, "space": ""}', 4),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, facts: str, width: int) -> None:
    arrays = {"shop": np.zeros((2, 3), np.float32), "strangers": np.zeros((1, width), np.float32)}
    save_file(arrays, tmp_path / MATCH_FILE, metadata={"match": facts})
    with pytest.raises(InvalidModel):
        MatchModel.load(tmp_path / MATCH_FILE)


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    for number, share in enumerate((1.0, 0.9, 0.8, 0.1)):
        shop.put(f"p{number}", [[share, (1 - share**2) ** 0.5, *axis(0)[2:]]])
    return shop


def test_a_search_tells_the_models_chances_and_min_probability_cuts_all_pages(shop: TinyShop) -> None:
    shop.publish(match=model_of(plain_space()))
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    asked: dict[str, Any] = {"image": photo_of(0)}
    whole = engine.search(SearchRequest(**asked))
    chances = [hit.match_probability or 0 for hit in whole.hits]
    assert not whole.no_match
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.9 > 0.5 > chances[3]
    first = engine.search(SearchRequest(**asked, k=1, min_probability=0.5))
    assert [hit.product_id for hit in first.hits] == ["p0"]
    rest = engine.search(SearchRequest(**asked, min_probability=0.5, cursor=first.next_cursor or ""))
    likely = [hit.product_id for hit, chance in zip(whole.hits, chances, strict=True) if chance >= 0.5]
    assert ["p0", *(hit.product_id for hit in rest.hits)] == likely
    assert engine.likely(whole.query_id, 0.5) == len(likely)
    with pytest.raises(InvalidQuery, match="another question"):
        engine.search(SearchRequest(**asked, min_probability=0.9, cursor=first.next_cursor or ""))
    assert not engine.search(SearchRequest(**asked, min_probability=1.0)).hits


def test_models_of_another_space_are_not_used(shop: TinyShop) -> None:
    shop.publish(match=model_of("another"))
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    answer = engine.search(SearchRequest(image=photo_of(0)))
    assert answer.hits[0].match_probability is None
    with pytest.raises(InvalidQuery, match="min_probability needs match probabilities"):
        engine.search(SearchRequest(image=photo_of(0), min_probability=0.1))


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_min_probability_has_bounds(shop: TinyShop, value: float) -> None:
    shop.publish()
    with pytest.raises(InvalidQuery, match="min_probability must be from 0 to 1"):
        SearchEngine(shop.settings, backbone=shop.backbone).search(SearchRequest(text="a", min_probability=value))
