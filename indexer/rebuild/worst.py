"""The pictures of the nightly report: new products, the searches that fare worst, products that look the same."""

from collections.abc import Sequence
from typing import Any

from data.catalogue import ProductFacts
from data.errors import LookalikeError
from data.generations import GenerationFolder
from engine.protocols import Floats
from indexer.rebuild.job import Job
from training.embedder import ANSWERS_FILE, GUESSES, HeldAnswer, read_answers
from training.evaluation import Evaluation
from training.measures import RECOGNITION_FILE, Measured, lookalikes, photo_misses
from training.photos import PhotoReader
from training.reports import confusion, pages, recognition

_WORST = 8  # searches by words, and as many by photo
_RECOGNISED = 12
_PAIRS = 12
Card = dict[str, Any]
Searched = tuple[Card, list[Card]]


class Album:
    """Makes cards with small pictures of products and photos."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._read = PhotoReader(job.settings).read

    def products(self, keys: Sequence[int], right: Sequence[int] = ()) -> list[Card]:
        """Returns a card for each product that is live; `right` are the keys of those that were asked for."""
        facts = self._job.catalogue.facts(keys)
        return [{**self._product(facts[key]), "right": key in right} for key in keys if key in facts]

    def worst_words(self, folder: GenerationFolder) -> list[Searched]:
        """Returns the held-out words whose first right product comes latest, and what they found first."""
        answers = [answer for answer in _held_answers(folder) if answer.live["rank"] > 1 and answer.right]
        answers.sort(key=lambda answer: (answer.live["rank"], answer.text))
        found = {answer.right[0]: answer for answer in answers}  # one product has many texts that fare alike
        worst = sorted(found.values(), key=lambda answer: -answer.live["rank"])[:_WORST]
        return [(self._asked(answer), self.products(answer.guesses, answer.right)) for answer in worst]

    def worst_photos(self, vectors: Floats) -> list[Searched]:
        """Returns the held-out photos whose product comes latest, and what they found first.

        Args:
            vectors: float32 (n, d), the points of the snapshot's photos, in row order.
        """
        taken = self._job.snapshot
        misses = photo_misses(vectors, taken.product_keys, taken.image_sha256, most=_WORST, guesses=GUESSES)
        titles = self._job.catalogue.titles([miss.product_key for miss in misses])
        return [
            (
                {"title": titles.get(miss.product_key, "?"), "picture": self._picture(miss.sha256),
                 "note": f"its product is at place {miss.place}"},
                self.products(miss.guesses, (miss.product_key,)),
            )
            for miss in misses
        ]  # fmt: skip

    def lookalikes(self, vectors: Floats) -> list[Card]:
        """Returns pairs of products that look the same; `vectors` as for `worst_photos`."""
        taken = self._job.snapshot
        pairs = lookalikes(vectors, taken.product_keys, taken.image_sha256, most=_PAIRS)
        titles = self._job.catalogue.titles([key for pair in pairs for key in pair.product_keys])
        return [
            {"cosine": pair.cosine, "products": [
                {"title": titles.get(key, "?"), "picture": self._picture(sha256)}
                for key, sha256 in zip(pair.product_keys, pair.photos, strict=True)
            ]}
            for pair in pairs
        ]  # fmt: skip

    def recognition(self, folder: GenerationFolder) -> dict[str, Any] | None:
        """Returns the confusion matrix, doubtful labels and mistakes; None if there are no voters."""
        if not folder.has(RECOGNITION_FILE):
            return None
        measured = Measured.load(folder.path(RECOGNITION_FILE))
        shown = Evaluation(title="", measured=measured, models=[], read=self._read, settings=self._job.settings)
        return {
            "confusion": confusion.confusion_of(measured),
            "suspects": recognition.cards_of(shown, measured.suspects()[:_RECOGNISED]),
            "mistakes": recognition.cards_of(shown, measured.mistakes()[:_RECOGNISED]),
        }

    def _asked(self, answer: HeldAnswer) -> Card:
        titles = self._job.catalogue.titles(answer.right[:2])
        more = f" and {len(answer.right) - len(titles)} more" if len(answer.right) > len(titles) else ""
        place = f"first right product at place {answer.live['rank']:.0f}"
        return {"title": answer.text, "note": f"{answer.source}; {place}; right: {', '.join(titles.values())}{more}"}

    def _product(self, facts: ProductFacts) -> Card:
        photos = facts.image_sha256
        title = facts.product.title or facts.product.product_id
        return {"title": title, "picture": self._picture(photos[0]) if photos else ""}

    def _picture(self, sha256: str) -> str:
        return pages.thumbnail(lambda: self._read(sha256), self._job.settings)


def _held_answers(folder: GenerationFolder) -> list[HeldAnswer]:
    try:
        return read_answers(folder.path(ANSWERS_FILE)) if folder.has(ANSWERS_FILE) else []
    except LookalikeError:  # a part that was taken over from an older version
        return []
