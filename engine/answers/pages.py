"""Makes the hits of an answer's pages from its ranking and the facts of its products as they are now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from data.catalogue import Catalogue, ProductFacts
from data.columns import ColumnStore, within
from engine.answers.answer import Hit
from engine.answers.cursors import Ranking
from engine.answers.reasons import Explanation, reasons
from engine.understanding import DATED_AHEAD_DAYS


class HitPages:
    """Makes hits.

    Args:
        columns: of the same catalogue.
        fresh_days: a product created within this many days, and not later than tomorrow, is fresh.
    """

    def __init__(self, catalogue: Catalogue, columns: ColumnStore, fresh_days: int) -> None:
        self._catalogue, self._columns, self._fresh_days = catalogue, columns, fresh_days

    def page(self, ranking: Ranking, offset: int, k: int, *, refilter: bool) -> tuple[tuple[Hit, ...], int]:
        """Returns the next k hits and where the next page starts.

        Skips products that were deleted, and with `refilter` those that no longer pass the filter.
        """
        hits: list[Hit] = []
        place = offset
        passing = None
        if refilter and ranking.filter is not None:
            passing = within(self._columns.passing(ranking.filter), ranking.product_keys)
        while len(hits) < k and place < len(ranking.product_keys):
            places = range(place, min(place + k - len(hits), len(ranking.product_keys)))
            keys = ranking.product_keys[places.start : places.stop].tolist()
            with self._catalogue.one_state():
                facts, words = self._catalogue.facts(keys), self._words_found(ranking, keys)
            for at, key in zip(places, keys, strict=True):
                if key in facts and (passing is None or passing[at]):
                    hits.append(self._hit(ranking, at, facts[key], words.get(key, ())))
            place = places.stop
        return tuple(hits), place

    def explain(self, ranking: Ranking, product_id: str) -> Explanation | None:
        """Returns a product as a hit with the reasons for its place; None if it is not in the ranking."""
        keys = self._catalogue.keys_of([product_id]).tolist()
        facts = self._catalogue.facts(keys)
        places = np.flatnonzero(ranking.product_keys == keys[0]).tolist() if facts else []
        if not places:
            return None
        place = places[0]
        words = self._words_found(ranking, keys).get(keys[0], ())
        hit = self._hit(ranking, place, facts[keys[0]], words)
        return Explanation(hit, reasons(ranking, place, facts[keys[0]], hit.image_id or "", words))

    def _words_found(self, ranking: Ranking, keys: Sequence[int]) -> dict[int, list[str]]:
        return self._catalogue.words_found(keys, ranking.words) if ranking.words else {}

    def _hit(self, ranking: Ranking, place: int, facts: ProductFacts, words: Sequence[str]) -> Hit:
        product, image = facts.product, ranking.image_sha256[place].decode()
        if image not in facts.image_sha256 and facts.image_sha256:
            image = facts.image_sha256[0]
        now = datetime.now(UTC)
        fresh_since, fresh_until = now - timedelta(days=self._fresh_days), now + timedelta(days=DATED_AHEAD_DAYS)
        return Hit(
            product_id=product.product_id,
            score=float(ranking.scores[place]),
            match_probability=None if ranking.probabilities is None else float(ranking.probabilities[place]),
            image_id=image or None,
            image_url=f"/thumbs/{image}.webp" if image else None,
            title=product.title,
            brand=product.brand,
            price=product.price,
            currency=product.currency,
            category=product.category,
            url=product.url,
            colours=facts.colours,
            fresh=product.created_at is not None and fresh_since <= product.created_at <= fresh_until,
            why=tuple(reason.text for reason in reasons(ranking, place, facts, image, words)),
        )
