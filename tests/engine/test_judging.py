"""What an answer to a photo is judged by."""

import numpy as np
import pytest
from tiny_shop import TinyShop, axis, blend

from data.settings import Settings
from engine.answers import Finder, SearchRequest, evidence
from engine.live import LiveIndex


def test_the_middle_of_each_hit_is_the_mean_of_its_photos_that_can_be_found(settings: Settings) -> None:
    shop = TinyShop(settings)
    shop.put("several", [axis(1), blend(1, 2, 0.8), axis(3)])
    shop.put("changed", [blend(1, 2, 0.9), axis(4)])
    shop.put("one", [blend(1, 5, 0.6)])
    shop.publish()
    shop.put("changed", [blend(1, 2, 0.9), axis(6)])
    shop.put("new", [blend(1, 3, 0.5), axis(7)])
    view = LiveIndex(settings, shop.catalogue, shop.backbone).view()
    point = np.array(axis(1), np.float32)
    finder, request = Finder(settings, shop.catalogue), SearchRequest(image=b"a photo")
    question = finder.ask(view, request, features=point)
    answered = finder.find(view, request, question).answered(view, question)
    key = shop.catalogue.get("several").product_key
    hidden = view.rows_of(key)[:1]
    for left_out in (None, hidden):
        middles = evidence(view, shop.catalogue, request, answered, lambda _: None, left_out).middles
        assert middles is not None
        expected = []
        for product in answered.ranked.product_keys.tolist():
            rows = [row for row in view.rows_of(product) if left_out is None or row not in left_out]
            mean = view.vectors(np.array(rows)).mean(axis=0)
            expected.append(mean @ point / np.linalg.norm(mean))
        assert middles.tolist() == pytest.approx(expected, abs=1e-6)
        assert len(set(np.round(middles, 3))) == 4
