"""The English words by which shoppers say what must hold."""

from engine.understanding.languages.language import Language

_DOLLARS = ("USD", "AUD", "CAD", "NZD", "SGD", "HKD")
_CROWNS = ("SEK", "NOK", "DKK")
_FILLERS = (
    "a an the this that these those it one ones some something anything thing things like similar same but and or in "
    "of for with to at on is are as please show me find i want need looking priced price cost costs costing cheaper "
    "everything item items product products stuff too just only colour color coloured colored"
)
_NO_MONEY = (
    "kid kids child children boy boys girl girls baby babies toddler age ages aged year years month months week weeks "
    "old people persons players stars degrees size sizes model no number part edition volume level version"
)
_PRAISE = (
    "nice nicest pretty prettiest cute cutest lovely beautiful adorable stylish good best great perfect cheap "
    "affordable inexpensive recommended popular trending trendy bestselling discounted discount sale elegant "
    "fashionable fancy gorgeous amazing awesome premium luxury luxurious fresh freshest delicious tasty yummy"
)

ENGLISH = Language(
    colours={
        "black": ("black",), "white": ("white",), "grey": ("grey", "gray"), "red": ("red",), "orange": ("orange",),
        "yellow": ("yellow",), "green": ("green",), "blue": ("blue",), "purple": ("purple",), "pink": ("pink",),
        "brown": ("brown",), "beige": ("beige",),
    },
    shades={
        "blue": ("navy", "navy blue", "royal blue", "sky blue", "cobalt"), "blue purple": ("indigo",),
        "green blue": ("teal", "turquoise", "aqua", "cyan"),
        "green": ("olive green", "mint green", "lime green", "emerald"), "green brown beige": ("khaki",),
        "red purple": ("burgundy", "maroon", "wine red"), "red": ("crimson", "scarlet"), "orange pink": ("coral",),
        "pink": ("magenta", "fuchsia", "hot pink"), "purple": ("lilac", "mauve", "violet"),
        "white beige": ("ivory", "ecru", "off white"), "grey black": ("charcoal", "anthracite"),
        "grey brown": ("taupe",), "brown beige": ("camel",),
    },
    spellings=(
        ("yoghurt", "yogurt"), ("jewellery", "jewelry"), ("pyjama", "pajama"), ("aluminium", "aluminum"),
        ("doughnut", "donut"), ("mould", "mold"), ("moisturiser", "moisturizer"), ("whisky", "whiskey"),
    ),
    currencies={
        "euro": ("EUR",), "euros": ("EUR",), "eur": ("EUR",), "won": ("KRW",), "krw": ("KRW",),
        "dollar": _DOLLARS, "dollars": _DOLLARS, "bucks": _DOLLARS, "usd": ("USD",), "aud": ("AUD",), "cad": ("CAD",),
        "pound": ("GBP",), "pounds": ("GBP",), "quid": ("GBP",), "gbp": ("GBP",), "yen": ("JPY",), "jpy": ("JPY",),
        "yuan": ("CNY",), "cny": ("CNY",), "chf": ("CHF",), "kr": _CROWNS, "kronor": ("SEK",), "sek": ("SEK",),
        "nok": ("NOK",), "dkk": ("DKK",),
    },
    prices=(
        ("(?:priced )?between {a} and {b}", ".."),
        ("(?:priced )?from {a} (?:up )?to {b}", ".."),
        ("{a} to {b}", ".."),
        ("(?:for )?(?:not|no) (?:more than|over|above) {a}", "<="),
        ("(?:for )?(?:not|no) (?:less than|under|below) {a}", ">="),
        (r"(?:for )?(?:up to|at most|max\.?|maximum|budget|budget of|within) {a}", "<="),
        ("{a} (?:or less|or under|or below|or cheaper|max|maximum|and under|and below)", "<="),
        ("(?:priced |costing |that costs? |for )?(?:under|below|less than|cheaper than|lower than) {a}", "<"),
        (r"(?:for )?(?:at least|min\.?|minimum|starting at|starting from) {a}", ">="),
        ("{a} (?:or more|or above|or over|and up|and above|and over|min|minimum)", ">="),
        ("(?:priced |costing |that costs? |for )?(?:over|above|more than) {a}", ">"),
        (r"(?:for |at )?(?:around|about|roughly|approx\.?|approximately|circa|ca\.?) {a}", "=~"),
    ),
    cheaper=(
        r"(?<!not\s)(?<!no\s)(?:(?:but|much|a bit|a little|bit|something|one) )*(?:cheaper|less expensive|lower priced)"
        "(?: (?:than )?(?:this|that|it|these|those|one|ones))?(?! than)",
        "(?:at|for) a lower price",
    ),
    sorts={
        "price": (
            r"(?<!not\s)(?<!not\sthe\s)(?:(?:at|for) )?(?:the )?(?:cheapest|least expensive|lowest priced?)"
            "(?: price)?(?: first)?",
            "(?:sort(?:ed)? )?(?:by )?(?:price:? )?low(?:est)? to high(?:est)?", "(?:sort(?:ed)? )?by price",
        ),
        "-price": (
            r"(?<!not\s)(?<!not\sthe\s)(?:the )?(?:most expensive|priciest|highest priced?)(?: first)?",
            "(?:sort(?:ed)? )?(?:by )?(?:price:? )?high(?:est)? to low(?:est)?",
        ),
        "-created_at": (
            r"(?<!not\s)(?<!not\sthe\s)(?:sort(?:ed)? by )?(?:the )?(?:newest|latest|most recent)"
            "(?: arrivals?| products?| items?)?(?: first)?",
        ),
    },
    sizes=("(?:in )?size:? {size}", "{size} size"),
    sized={"s": ("small",), "m": ("medium",), "l": ("large",)},
    measures={
        "ml": ("ml", "millilitre", "millilitres", "milliliter", "milliliters"), "cl": ("cl",),
        "l": ("l", "litre", "litres", "liter", "liters"),
        "g": ("g", "gr", "gram", "grams"), "kg": ("kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"),
        "oz": ("oz", "ounce", "ounces"), "lb": ("lb", "lbs"),
        "mm": ("mm",), "cm": ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
        "m": ("m", "metre", "metres", "meter", "meters"), "inch": ("inch", "inches"), "ft": ("ft", "feet"),
        "gb": ("gb",), "tb": ("tb",), "w": ("w", "watt", "watts"),
        "pack": ("pack", "packs", "pk", "pack of {n}"), "set": ("set of {n}",),
        "pieces": ("pcs", "pc", "piece", "pieces", "ct", "count"), "times": ("x{n}", "{n} x"),
    },
    measure_before=(
        "at (?:least|most)", "(?:no )?(?:less|more) than", "up to", "under", "below", "over", "above", "about",
        "around", "between", "max", "min",
    ),
    measure_after=("or (?:less|more|larger|smaller)", "and up", "wide", "high", "tall", "long", "deep", "max", "min"),
    very=("very", "really", "so", "super", "most"),
    praise=(
        "(?:good|high|best) quality",
        "(?:(?:as|for) )?(?:a )?(?:birthday|christmas|xmas|wedding|anniversary|housewarming) (?:gift|present)s?",
        "(?:for|as) (?:a )?(?:(?:nice|good) )?(?:gift|gifts|present|presents)",
        "for gifting", "(?:on|for) sale", "free (?:shipping|delivery)", "best ?(?:sellers?|selling)",
        "(?:top|highest|best) rated", "most (?:reviewed|sold|bought)", "in stock",
        "(?:buy|shop) online", *_PRAISE.split(),
    ),
    audience=(
        "(?:for )?(?:(?:wo)?men|children|kid|lady)(?:'?s)?", "(?:for )?(?:kid|boy|girl|ladie)s'?", "unisex",
        "for (?:my |a |an |the |your )?(?:him|her|mom|mum|mother|dad|father|wife|husband|girlfriend|boyfriend|friends?|"
        "son|daughter|sister|brother|grandma|grandpa|girl|boy|man|woman|baby|babies|teens|teenagers|adults|"
        "toddlers?|everyone)",
    ),
    no_money=frozenset(_NO_MONEY.split()),
    after_amounts=("for", "with", "without", "from", "that"),
    face_values=frozenset({"card", "cards", "voucher", "vouchers", "coupon", "coupons", "coin", "coins", "note"}),
    bounds_before=(
        "under", "below", "over", "above", "than", "to", "least", "most", "max", "min", "about", "around", "from",
    ),
    bounds_after=("or", "max", "min", "to"),
    size_names=("size",),
    new=("new arrivals?", "newly (?:arrived|listed|added)", "just arrived", "new in",
         r"\Anew\Z", "new (?:products?|items?|things?|stuff|ones?)"),
    new_before=("new",),
    not_before={
        "but not": True, "but no": False, "not": True, "without": True, "excluding": True, "except": True,
        "except for": True, "other than": False, "anything but": False, "no": True, "non": False,
    },
    not_after={"free": False},
    free=("{thing} free", "free of {thing}", "free from {thing}", "no {thing}", "non {thing}", "without {thing}"),
    brand_before=("by", "from", "brand", "brand:"),
    brand_after=("brand",),
    for_before=("for", "fits", "compatible with", "like"),
    joiners=("or", "and", "nor"),
    says_of=("for", "with", "without", "of", "in", "from", "to", "on", "by"),
    says_how=("less", "proof", "free"),
    fillers=frozenset(_FILLERS.split()),
    fixed=(
        "green tea", "black tea", "white tea", "red wine", "white wine", "red bull", "black friday", "black pepper",
        "white pepper", "brown rice", "white rice", "brown sugar", "white sugar", "brown bread",
        "white bread", "white chocolate", "blue cheese",
        "white noise", "black box", "blue light", "blue ray", "white board", "black board", "green screen",
        "green house",
        "red cross", "pink floyd", "red velvet", "orange juice", "new york", "new zealand", "new orleans",
        "new year", "new born", "do not disturb", "no show", "no name", "no 1", "not for sale", "not only",
        "3m", "4g", "5g",
    ),
)  # fmt: skip
