"""Judges an answer: the match probability of each hit, and whether anything fits at all."""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.lexical import words_of
from engine.answers.fusion import Letters
from engine.answers.ranking import Ranked
from engine.answers.request import SearchRequest, words_alone
from engine.answers.signs import FIRST, Doubles, Evidence, answer_signs, hit_signs
from engine.errors import InvalidQuery
from engine.live import LiveView
from engine.match import KindModel
from engine.protocols import Floats, Mask
from engine.space import Verdict, judge, normalise
from engine.understanding import head_word

BEST, SIMILAR = 0.5, 0.15  # least match probability of a best match, and of a hit that is not less similar
ALMOST_THE_SAME = 0.9  # cosine from which on a photo shows the product itself, whatever else speaks against it
Places = NDArray[np.int64]
Near = Callable[[str], tuple[float, float] | None]
_MOST_PHOTOS = 64  # of a product
_LETTERED = 20  # hits whose words are looked up; later ones that the letters found count as the last of these


@dataclasses.dataclass(frozen=True)
class Answered:
    """An answer that is to be judged.

    Attributes:
        ranked: the hits, in the order of the answer.
        best: the highest similarity among them, -1 if there are none.
        letters: what the letters of the words found; None if they were not looked at.
        corrected: the words with typing errors mended; "" if there were none.
        parts: likeness of each hit to the `photo` and to the `words`, float32 (m,), where the question has both.
        point: the question in the product space, float32 (d,).
        features: pool_3 features float32 (dim,) of the question's photo; None if it has no photo.
    """

    ranked: Ranked
    best: float
    letters: Letters | None
    corrected: str
    parts: dict[str, Floats]
    point: Floats
    features: Floats | None


def verdict(view: LiveView, catalogue: Catalogue, request: SearchRequest, answered: Answered) -> Verdict:
    """Returns the match probabilities and `no_match`.

    A product whose code or title was typed is what was asked for, and so is every hit where the words are conditions.
    """
    letters = answered.letters
    if letters is not None and not len(answered.ranked.product_keys):
        return Verdict(probabilities=None, no_match=True)
    found = _judged(view, catalogue, request, answered)
    if request.fulfilled and found["probabilities"] is not None and len(answered.ranked.product_keys):
        return Verdict(probabilities=np.ones(len(answered.ranked.product_keys)), no_match=False)
    if letters is None or not letters.first:
        return found
    chances = found["probabilities"]
    if chances is not None:
        chances[: sum(hit.evidence != "near" for hit in letters.first)] = 1.0
    return Verdict(probabilities=chances, no_match=False)


def _judged(view: LiveView, catalogue: Catalogue, request: SearchRequest, answered: Answered) -> Verdict:
    generation = view.generation
    kind = question_kind(request)
    model = generation.match.kinds.get(kind) if generation.match else None
    if model is None:
        return judge(generation.calibration, kind, answered.ranked.scores, answered.best, answered.features)
    if not len(answered.ranked.product_keys):
        return Verdict(probabilities=np.zeros(0), no_match=True)
    return judge_by(model, evidence(view, catalogue, request, answered, generation.nearness))


def weighs_letters(view: LiveView, request: SearchRequest) -> bool:
    """Tells whether probabilities rest on letters and meaning, as those of words alone do in a match model."""
    match = view.generation.match
    return words_alone(request) and request.legs == "fused" and match is not None and "text" in match.kinds


def likely(chances: Doubles | None, least: float, less_likely: int, hits: int) -> NDArray[np.int64]:
    """Returns the places of the hits whose probability is at least `least`, int64 (n,), in their order.

    Args:
        chances: float64 (hits,), match probabilities; None: there are none.
        less_likely: how many of the best others stay.

    Raises:
        InvalidQuery: `least` is above 0, and the generation does not tell probabilities for this kind of question.
    """
    if not least or not hits:
        return np.arange(hits)
    if chances is None:
        raise InvalidQuery(
            "min_probability needs match probabilities; the live generation has none for this kind of question. Leave "
            "min_probability out, or rebuild with at least 30 products that have photos.",
            field="min_probability",
        )
    is_likely = chances >= least
    is_likely[np.flatnonzero(~is_likely)[:less_likely]] = True
    return np.flatnonzero(is_likely)


def judge_by(model: KindModel, seen: Evidence) -> Verdict:
    """Returns the verdict of a model: nothing fits if the chance that any hit does is below one half.

    A photo outside all that the model knows shows nothing that the shop sells, unless it is nearly a photo of it: the
    product may be newer than the generation. Its chance is halved rather than set to 0, so that the order among the
    hits stays visible.
    """
    chance = float(model.answer.chances(answer_signs(seen))[0])
    if seen.outside is not None and seen.outside > model.farthest and seen.scores.max() < ALMOST_THE_SAME:
        chance /= 2
    chances = chance * model.hit.chances(hit_signs(seen, chance, model.hit.signs))
    return Verdict(probabilities=np.full(len(seen.scores), chances), no_match=chance < 0.5)


def question_kind(request: SearchRequest) -> str:
    """Returns the kind of a question: `text`, `photo`, `mixed` (words beside a photo or a product) or `similar`.

    Liked and unliked products make a question of a kind that is not measured, `liked`.
    """
    words = bool(request.text.strip())
    if request.like or request.unlike:
        return "liked"
    if request.image is None and not request.product_id:
        return "text"
    if words:
        return "mixed"
    return "photo" if request.image is not None else "similar"


def evidence(
    view: LiveView,
    catalogue: Catalogue,
    request: SearchRequest,
    answered: Answered,
    near: Near,
    hidden: Places | None = None,
) -> Evidence:
    """Returns what is known of an answer.

    Args:
        near: returns the highest cosine of words to words of the shop and to words for what it does not sell.
        hidden: int64, rows of the view that were not to be found.
    """
    ranked, letters, region = answered.ranked, answered.letters, None
    if answered.features is not None and view.generation.calibration is not None:
        region = view.generation.calibration.region
    by_letters = np.isin(ranked.product_keys, letters.ranked.product_keys) if letters is not None else None
    text = answered.corrected or request.text
    words = [word for word in words_of(text) if word not in request.unjudged]
    thing = head_word(words_of(text), words)
    shares, others = _held(catalogue, ranked, words, by_letters) if by_letters is not None else (None, [])
    if question_kind(request) == "text" and shares is not None:  # only words that nobody holds are judged by meaning
        unheld = not shares[:FIRST].any()
        text = " ".join(others) if others or not unheld else " ".join(words) if request.unjudged else text
    return Evidence(
        scores=ranked.scores,
        shares=shares,
        others=bool(others),
        no_thing=thing in others,
        by_letters=by_letters,
        near=near(text) if text.strip() else None,
        outside=region.outside(answered.features) if region is not None and answered.features is not None else None,
        middles=_middles(view, answered, hidden) if answered.features is not None else None,
        parts=answered.parts,
    )


def _middles(view: LiveView, answered: Answered, hidden: Places | None) -> Floats:
    """Returns the similarity of the mean photo of each of the first ten hits, float32 (<= 10,)."""
    keys = answered.ranked.product_keys[:FIRST]
    rows = view.rows_of_any(keys)
    rows = rows[view.allowed().has(rows)]
    rows = rows if hidden is None else np.setdiff1d(rows, hidden)
    products = view.products_of(rows)
    photos = (view.vectors(rows[products == key][:_MOST_PHOTOS]) for key in keys)
    return np.array([normalise(each.mean(axis=0)) @ answered.point for each in photos], np.float32)


def _held(
    catalogue: Catalogue, ranked: Ranked, words: list[str], by_letters: Mask
) -> tuple[Floats, list[str]]:  # fmt: skip
    """Returns the share of the words that each hit holds, and the words that no product has beside some that hits hold.

    Of words that no product is named by, those in a hit's description count where its title or facts hold the rest.
    """
    shares = _shares(catalogue, ranked, words, by_letters)
    if not 0 < shares[:FIRST].max(initial=0.0) < 1:
        return shares, []
    hits = {key: at for at, key in enumerate(ranked.product_keys[:_LETTERED].tolist()) if shares[at] > 0}
    others = catalogue.unnamed(words, list(hits))
    for key, at in hits.items():
        shares[at] += sum(key in keys for keys in others.values()) / len(words)
    return shares, [word for word, keys in others.items() if not keys]


def _shares(catalogue: Catalogue, ranked: Ranked, words: list[str], by_letters: Mask) -> Floats:
    keys = ranked.product_keys[:_LETTERED].tolist()
    found = catalogue.share_found(keys, words)
    shares = np.array([found.get(key, 0.0) for key in keys], np.float32)
    lettered = shares[by_letters[:_LETTERED]]
    last = lettered[-1] if len(lettered) else np.float32(0)
    return np.concatenate([shares, last * by_letters[_LETTERED:]])
