"""Plans the products of the sample catalogue: the facts of each depend only on the seed and the product's number."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from data.sample.kinds import KINDS, Kind
from data.sample.patterns import COLOURS, Rng

BRANDS = (
    "Lumivik", "Haneulo", "Talvori", "Ondoko", "Brastel", "Casalune", "Pipkind", "Marelund", "Oktavi", "Sorabel",
)  # fmt: skip
NAMES = (
    ("Alva", "알바"), ("Brio", "브리오"), ("Cori", "코리"), ("Dune", "듄"), ("Elio", "엘리오"), ("Fara", "파라"),
    ("Gento", "젠토"),
    ("Hana", "하나"), ("Ivo", "이보"), ("Juno", "주노"), ("Kita", "키타"), ("Luma", "루마"), ("Miro", "미로"),
    ("Nori", "노리"),
    ("Odo", "오도"), ("Pavo", "파보"), ("Quill", "퀼"), ("Rumi", "루미"), ("Sena", "세나"), ("Tolo", "톨로"),
    ("Uma", "우마"),
    ("Vela", "벨라"), ("Wilo", "윌로"), ("Yuna", "유나"), ("Zeno", "제노"), ("Aster", "아스터"), ("Basil", "바질"),
    ("Clio", "클리오"),
    ("Doro", "도로"), ("Esme", "에스메"), ("Fino", "피노"), ("Gaia", "가이아"),
)  # fmt: skip
# Numbers of independent random streams. _LOOK is chosen so that seed 0 has a red striped mug to search for.
_ORDER, _LOOK, _FACTS = 1, 15, 5
_LIGHT = ("white", "beige", "grey", "yellow")
_NEUTRAL = ("white", "black", "brown", "beige", "grey")


@dataclass(frozen=True, kw_only=True)
class Item:
    """The facts of one sample product; `accent` and `trim` are colour names like `colour`."""

    number: int
    product_id: str
    kind: Kind
    brand: str
    name: str
    name_ko: str
    colour: str
    accent: str
    trim: str
    pattern: str
    material: str
    size: str
    price: float
    created_at: datetime
    in_stock: bool


def plan_item(number: int, seed: int, now: datetime) -> Item:
    """Returns the facts of product `number` (0-based).

    Kinds take turns; within a kind, colours and names take turns in an order that the seed shuffles. Every third
    product of a kind is a sibling of the one before: same colour, pattern and material, but its own shape.
    """
    turn, which = divmod(number, len(KINDS))
    kind = KINDS[which]
    order = np.random.default_rng([seed, _ORDER, which])
    colours, names = order.permutation(list(COLOURS)), order.permutation(len(NAMES))
    sibling = turn % 3 == 2
    look = np.random.default_rng([seed, _LOOK, number - len(KINDS) if sibling else number])
    colour = str(colours[(turn - (turn + 1) // 3) % len(colours)])
    rng = np.random.default_rng([seed, _FACTS, number])
    name, name_ko = NAMES[names[turn % len(NAMES)]]
    series = "" if turn < len(NAMES) else f" {turn // len(NAMES) + 1}"
    lowest, highest = kind.price
    return Item(
        number=number,
        product_id=f"{kind.noun.split()[-1].lower()}-{turn + 1:03d}",
        kind=kind,
        brand=BRANDS[int(rng.integers(len(BRANDS)))],
        name=name + series,
        name_ko=name_ko + series,
        colour=colour,
        accent=_accent(colour, look),
        trim=_other(_NEUTRAL, colour, look),
        pattern=_pick(kind.patterns, look),
        material=_pick(kind.materials, look),
        size=_pick(kind.sizes, rng),
        price=round(lowest + (highest - lowest) * float(rng.beta(1.6, 2.6))) - 0.05,
        created_at=_created(rng, now),
        in_stock=bool(rng.random() < 0.92),
    )


def _pick(choices: tuple[str, ...], rng: Rng) -> str:
    return choices[int(rng.integers(len(choices)))]


def _other(choices: tuple[str, ...], colour: str, rng: Rng) -> str:
    return _pick(tuple(choice for choice in choices if choice != colour), rng)


def _accent(colour: str, rng: Rng) -> str:
    """Returns a second colour that contrasts with the first; mostly white on strong colours, as on printed goods."""
    if colour in _LIGHT:
        return _other(tuple(name for name in COLOURS if name not in _LIGHT), colour, rng)
    return "white" if rng.random() < 0.6 else _other(("beige", "yellow", "black", "white", "pink"), colour, rng)


def _created(rng: Rng, now: datetime) -> datetime:
    """Returns a time in the two years before `now`; one product in ten is from the last 30 days."""
    days = rng.uniform(0.5, 30) if rng.random() < 0.1 else rng.uniform(0.5, 730)
    return (now - timedelta(days=float(days))).replace(minute=0, second=0, microsecond=0)
