"""The kinds of product in the sample catalogue: names, materials, patterns, prices and the function that draws each."""

from collections.abc import Callable
from dataclasses import dataclass

from data.sample import carry as sample_carry
from data.sample import clothes as sample_clothes
from data.sample import gadgets as sample_gadgets
from data.sample import home as sample_home
from data.sample import kitchen as sample_kitchen
from data.sample import sneaker as sample_sneaker
from data.sample.canvas import Canvas
from data.sample.looks import Look
from data.sample.patterns import Rng

GLOSS = {
    "porcelain": 0.55, "stoneware": 0.22, "glass": 0.75, "enamel": 0.6, "steel": 0.5, "plastic": 0.35,
    "linen": 0.02, "paper": 0.03,
    "oak": 0.12, "walnut": 0.14, "velvet": 0.1, "wool": 0.02, "cotton": 0.02, "felt": 0.02, "straw": 0.05,
    "leather": 0.22, "canvas": 0.04,
    "suede": 0.04, "mesh": 0.05, "nylon": 0.14, "polyester": 0.12, "aluminium": 0.5, "viscose": 0.08,
    "rubber": 0.12,
}  # fmt: skip
_SOFT = ("plain", "striped", "checked", "dotted", "zigzag", "floral")
_GLAZED = ("plain", "striped", "dotted", "speckled", "gradient", "floral", "zigzag")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One category of the sample catalogue.

    Attributes:
        category: its name in the catalogue.
        noun, noun_ko: name of one product, in English and Korean.
        use, use_ko: purpose, worded to continue a sentence after the noun (English) or before it (Korean).
        flat: True: photographed lying or hanging; False: standing on a table.
        sizes: values of the `size` attribute.
        price: lowest and highest, EUR.
    """

    category: str
    noun: str
    noun_ko: str
    use: str
    use_ko: str
    draw: Callable[[Canvas, Look, Rng], None]
    materials: tuple[str, ...]
    patterns: tuple[str, ...]
    sizes: tuple[str, ...]
    price: tuple[float, float]
    flat: bool = False


KINDS: tuple[Kind, ...] = (
    Kind(
        category="Mugs", noun="mug", noun_ko="머그컵", use="for coffee and tea", use_ko="커피와 차를 위한",
        draw=sample_kitchen.mug, materials=("porcelain", "stoneware", "enamel"), patterns=_GLAZED,
        sizes=("250 ml", "330 ml", "400 ml"), price=(7, 29),
    ),
    Kind(
        category="Sneakers", noun="sneaker", noun_ko="운동화", use="for walking all day",
        use_ko="하루 종일 걷기 좋은",
        draw=sample_sneaker.sneaker, materials=("leather", "canvas", "mesh", "suede"),
        patterns=("plain", "plain", "checked", "dotted", "floral", "gradient"),
        sizes=("38", "40", "42", "44"), price=(49, 139),
    ),
    Kind(
        category="Lamps", noun="table lamp", noun_ko="탁상 램프", use="for reading and evenings",
        use_ko="독서와 저녁 시간을 위한",
        draw=sample_home.lamp, materials=("linen", "paper", "glass"),
        patterns=("plain", "plain", "striped", "pinstriped", "dotted", "gradient"),
        sizes=("40 cm", "50 cm", "60 cm"), price=(35, 189),
    ),
    Kind(
        category="T-shirts", noun="T-shirt", noun_ko="티셔츠", use="for every day", use_ko="매일 입기 좋은",
        draw=sample_clothes.tshirt, materials=("cotton", "linen", "viscose"),
        patterns=("plain", "plain", "striped", "dotted", "floral", "gradient"),
        sizes=("S", "M", "L", "XL"), price=(15, 49), flat=True,
    ),
    Kind(
        category="Chairs", noun="chair", noun_ko="의자", use="for the dining table", use_ko="식탁에 어울리는",
        draw=sample_home.chair, materials=("oak", "velvet", "leather", "plastic"),
        patterns=("plain", "plain", "plain", "striped", "checked", "dotted"),
        sizes=("46 cm seat", "48 cm seat"), price=(59, 320),
    ),
    Kind(
        category="Backpacks", noun="backpack", noun_ko="백팩", use="for school and travel",
        use_ko="통학과 여행을 위한",
        draw=sample_carry.backpack, materials=("canvas", "nylon", "leather"),
        patterns=("plain", "plain", "striped", "checked", "floral", "gradient"),
        sizes=("14 l", "20 l", "26 l"), price=(39, 159),
    ),
    Kind(
        category="Vases", noun="vase", noun_ko="꽃병", use="for fresh and dried flowers",
        use_ko="생화와 드라이플라워를 위한",
        draw=sample_kitchen.vase, materials=("porcelain", "stoneware", "glass"), patterns=_GLAZED,
        sizes=("18 cm", "25 cm", "32 cm"), price=(14, 95),
    ),
    Kind(
        category="Dresses", noun="dress", noun_ko="원피스", use="for summer days", use_ko="여름날을 위한",
        draw=sample_clothes.dress, materials=("cotton", "linen", "viscose"), patterns=_SOFT,
        sizes=("XS", "S", "M", "L"), price=(39, 149), flat=True,
    ),
    Kind(
        category="Watches", noun="watch", noun_ko="손목시계", use="for office and weekend",
        use_ko="출근과 주말에 모두 어울리는",
        draw=sample_gadgets.watch, materials=("leather", "nylon", "rubber", "suede"),
        patterns=("plain", "plain", "plain", "striped", "checked"),
        sizes=("34 mm", "38 mm", "42 mm"), price=(69, 349), flat=True,
    ),
    Kind(
        category="Cushions", noun="cushion", noun_ko="쿠션", use="for the sofa and the bed",
        use_ko="소파와 침대를 위한",
        draw=sample_home.cushion, materials=("cotton", "wool", "linen", "velvet"), patterns=(*_SOFT, "gradient"),
        sizes=("40 x 40 cm", "50 x 50 cm", "60 x 40 cm"), price=(17, 69), flat=True,
    ),
    Kind(
        category="Teapots", noun="teapot", noun_ko="찻주전자", use="for two to six cups",
        use_ko="두 잔에서 여섯 잔까지 우리는",
        draw=sample_kitchen.teapot, materials=("porcelain", "stoneware", "enamel"), patterns=_GLAZED,
        sizes=("0.6 l", "0.9 l", "1.2 l"), price=(25, 98),
    ),
    Kind(
        category="Sofas", noun="sofa", noun_ko="소파", use="for the living room", use_ko="거실을 위한",
        draw=sample_home.sofa, materials=("velvet", "linen", "leather", "wool"),
        patterns=("plain", "plain", "plain", "plain", "pinstriped", "checked"),
        sizes=("160 cm", "190 cm", "220 cm"), price=(390, 1890),
    ),
    Kind(
        category="Hats", noun="hat", noun_ko="모자", use="for sun and wind", use_ko="햇빛과 바람을 막아 주는",
        draw=sample_clothes.hat, materials=("felt", "wool", "cotton", "straw"),
        patterns=("plain", "plain", "striped", "checked", "zigzag", "dotted"),
        sizes=("56 cm", "58 cm", "60 cm"), price=(19, 89),
    ),
    Kind(
        category="Umbrellas", noun="umbrella", noun_ko="우산", use="for rainy days", use_ko="비 오는 날을 위한",
        draw=sample_carry.umbrella, materials=("polyester", "nylon"),
        patterns=("plain", "plain", "dotted", "striped", "checked", "floral", "zigzag"),
        sizes=("90 cm", "105 cm", "120 cm"), price=(14, 69), flat=True,
    ),
    Kind(
        category="Bottles", noun="bottle", noun_ko="물병", use="for water on the way",
        use_ko="외출할 때 물을 담는",
        draw=sample_kitchen.bottle, materials=("steel", "glass", "plastic", "aluminium"),
        patterns=("plain", "plain", "striped", "gradient", "dotted", "speckled", "floral"),
        sizes=("0.5 l", "0.75 l", "1 l"), price=(12, 45),
    ),
    Kind(
        category="Headphones", noun="pair of headphones", noun_ko="헤드폰", use="for music and calls",
        use_ko="음악과 통화를 위한",
        draw=sample_gadgets.headphones, materials=("plastic", "aluminium", "leather"),
        patterns=("plain", "plain", "plain", "gradient", "speckled"),
        sizes=("on-ear", "over-ear"), price=(49, 329), flat=True,
    ),
)  # fmt: skip
