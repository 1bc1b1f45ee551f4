"""Turns what a shopper picked into a request for recommendations; HTTP and `lookalike.open` share it."""

from api.errors import BadRequest
from data.catalogue import Catalogue
from data.photos import COLOUR_NAMES
from engine.recommend import RecommendRequest
from engine.search import SearchEngine


def recommend_request(
    engine: SearchEngine,
    catalogue: Catalogue,
    *,
    label: str = "",
    product_id: str = "",
    image: bytes | None = None,
    colour: str = "",
    filter: str = "",
    k: int = 10,
) -> RecommendRequest:
    """Returns the request for products of the same kind and colours as a label, a product or both.

    Args:
        label: one of the recogniser's labels; "": the product's category.
        product_id: the product picked.
        image: the photo that the label was recognised in.
        colour: name, in English or Korean, of a colour wanted instead of the product's or the photo's.

    Raises:
        BadRequest: neither label nor product is given, or a photo beside a product.
        UnknownProduct: no product has this product_id; InvalidImage, NoGeneration: see `SearchEngine.colours_of`.
    """
    if not label and not product_id:
        got = "neither" if image is None else "a photo alone"
        raise BadRequest(f"label or product_id must be given, and a photo only with a label; got {got}.", field="label")
    if image is not None and product_id:
        raise BadRequest("a photo must come with a label, not with product_id. Leave one out.", field="product_id")
    label_kind = engine.status().get("label_kind") or "category"
    colours: tuple[str, ...] = ()
    if product_id:
        facts = catalogue.get(product_id)
        colours = facts.colours
        if not label:
            label, label_kind = facts.product.category, "category"
    if colour:
        colours = (_in_english(colour),)
    elif image is not None:
        colours = engine.colours_of(image)[:1]
    return RecommendRequest(
        label=label, label_kind=label_kind, product_id=product_id, image=image, colours=colours, filter=filter, k=k
    )


def _in_english(colour: str) -> str:
    """Returns the English name of a colour given in English or Korean; a shop's own colour word stays as it is."""
    return next((english for english, korean in COLOUR_NAMES.items() if colour == korean), colour)
