"""The photos of changed products: what a view was given stays as it was, however much is added and removed later."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.live.delta import Delta, GrowingDelta

changes = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=60)


def shown(delta: Delta) -> dict[int, list[tuple[int, bytes, float]]]:
    """Returns product key -> image key, sha256 and point of each of its rows."""
    found: dict[int, list[tuple[int, bytes, float]]] = {}
    for row in np.flatnonzero(delta.alive).tolist():
        photo = (int(delta.image_keys[row]), bytes(delta.sha256[row]), float(delta.points[row, 0]))
        found.setdefault(int(delta.product_keys[row]), []).append(photo)
    return found


@hypothesis_settings(deadline=None)
@given(changes)
def test_views_stay_and_the_newest_is_right(steps: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("engine.live.delta._FIRST_ROWS", 2)
        patched.setattr("engine.live.delta._FEW_DEAD", 3)
        delta = GrowingDelta(2)
        truth: dict[int, list[tuple[int, bytes, float]]] = {}
        views = []
        for at, (key, photos) in enumerate(steps):
            delta.remove(key)
            truth.pop(key, None)
            if photos:
                truth[key] = [(at * 10 + number, b"%d" % number, float(at)) for number in range(photos)]
                names = [f"{number}" for number in range(photos)]
                delta.add(key, [image for image, _, _ in truth[key]], names, np.full((photos, 2), at, np.float32))
            views.append((delta.now(), {key: list(rows) for key, rows in truth.items()}))
            assert delta.count == sum(map(len, truth.values()))
            assert delta.product_count == len(truth)
        for view, expected in views:
            assert shown(view) == expected
