"""Exports of shop platforms go in as they are, without any flag."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import platform_exports as exports
import pytest

from data.catalogue import Catalogue, ProductFacts
from data.settings import Settings
from indexer.importing import ProductReport, import_feed
from lookalike import main


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    exports.write_photos(tmp_path / "shop" / "photos")
    return tmp_path / "shop"


def imported(settings: Settings, path: Path, text: str, images: Path | None = None) -> dict[str, ProductFacts]:
    path.write_text(text, encoding="utf-8")
    report = import_feed(settings, path, images=images)
    assert (report.refused, report.warnings, report.codes) == (0, 0, {}), report.problems
    assert not [note for note in report.notes if "not used" in note], report.notes
    again = import_feed(settings, path, images=images)
    assert (again.changed, again.created + again.updated) == (False, 0)
    return {facts.product.product_id: facts for facts in Catalogue(settings.home).iter_facts()}


def check(found: ProductFacts, thing: exports.Thing, *, price: float | None = None) -> None:
    product = found.product
    assert (product.title, product.description, product.brand) == (thing.name, thing.text, thing.brand)
    assert product.category == thing.path[-1]
    assert product.price == pytest.approx(thing.now if price is None else price)
    assert product.in_stock == thing.in_stock
    assert len(found.image_sha256) == len(thing.photos)


@pytest.mark.parametrize("name", list(exports.OFFERS))
def test_offers_of_google_and_meta(settings: Settings, shop: Path, name: str) -> None:
    found = imported(settings, shop / name, exports.OFFERS[name]())
    assert len(found) == 40, "each variant is an offer of its own"
    for thing in exports.things():
        for size in thing.sizes or ("",):
            facts = found[f"{thing.code}-{size}" if size else thing.code]
            product = facts.product
            assert (product.title, product.description, product.brand) == (thing.name, thing.text, thing.brand)
            assert (product.price, product.currency) == (thing.now, "USD")
            assert (product.category, product.attributes["category_path"]) == (thing.path[-1], " > ".join(thing.path))
            assert product.colour == thing.colour
            assert product.url == f"https://shop.example/{thing.code}?size={size}"
            assert product.in_stock == (size not in thing.sold_out if size else not thing.sold_out)
            assert product.attributes.get("item_group_id", "") == (thing.code if size else "")
            assert product.attributes.get("size", "") == size
            assert len(facts.image_sha256) == len(thing.photos)
    assert found["TH-001"].product.attributes["gtin"] == "4006381333931"


@pytest.mark.parametrize("new_names", [False, True])
def test_shopify(settings: Settings, shop: Path, new_names: bool) -> None:
    found = imported(settings, shop / "products_export.csv", exports.shopify_csv(new_names=new_names))
    assert len(found) == 24, "variants are one product, and a draft is none"
    for thing in exports.things():
        facts = found[thing.code]
        check(facts, thing)
        attributes = facts.product.attributes
        assert attributes["category_path"] == f"Home & Garden > {' > '.join(thing.path)}"
        assert attributes.get("size", "") == ", ".join(thing.sizes)
        codes = [f"{thing.code}-{size[:1]}" for size in thing.sizes or ("Default Title",)]
        assert (attributes["sku"], attributes["tags"]) == (", ".join(codes), "handmade, 수공예")
        photos = Catalogue(settings.home).photos(facts.image_sha256)
        names = [Path(photos[sha256].source).name for sha256 in facts.image_sha256]
        assert names == list(thing.photos), "photos are in the order of their positions"


def test_woocommerce(settings: Settings, shop: Path) -> None:
    found = imported(settings, shop / "wc-product-export.csv", exports.woocommerce_csv())
    assert len(found) == 24
    for number, thing in enumerate(exports.things(), start=100):
        facts = found[str(number)]
        check(facts, thing)
        attributes = facts.product.attributes
        assert (facts.product.colour, attributes["color"]) == (thing.colour, thing.colour)
        assert attributes.get("size", "") == ", ".join(thing.sizes)
        assert attributes["sku"] == ", ".join([thing.code, *(f"{thing.code}-{size}" for size in thing.sizes)])


@pytest.mark.parametrize(
    "product",
    [
        {"id": 7, "handle": "mug", "title": "Mug", "body_html": "<p>Red</p>", "product_type": "Mugs", "price": "9.50",
         "images": [{"src": "photos/p0.png"}], "variants": [{"sku": "M-1"}]},
        {"id": 7, "type": "simple", "name": "Mug", "description": "<p>Red</p>", "regular_price": "9.50",
         "categories": [{"id": 3, "name": "Mugs"}], "images": [{"id": 1, "src": "photos/p0.png"}]},
    ],
    ids=["shopify", "woocommerce"],
)  # fmt: skip
def test_what_a_shops_api_answers_is_no_export(settings: Settings, shop: Path, product: dict[str, object]) -> None:
    (shop / "products.json").write_text(json.dumps({"products": [product]}), encoding="utf-8")
    report = import_feed(settings, shop / "products.json")
    assert (report.created, report.warnings) == (1, 0), report.problems
    assert not [note for note in report.notes if note.startswith("read as")]
    found = Catalogue(settings.home).get("7").product
    assert (found.title, found.description, found.category, found.price) == ("Mug", "Red", "Mugs", 9.5)


def test_magento(settings: Settings, shop: Path, tmp_path: Path) -> None:
    exports.write_photos(tmp_path / "media" / "p" / "0")
    found = imported(settings, shop / "export_catalog.csv", exports.magento_csv(), tmp_path / "media")
    assert len(found) == 24
    for thing in exports.things():
        facts = found[thing.code]
        check(facts, thing)
        attributes = facts.product.attributes
        assert (facts.product.colour, str(facts.product.created_at)[:10]) == (thing.colour, "2026-11-05")
        assert attributes["care"] == "hand wash, cold"
        assert attributes.get("size", "") == ", ".join(thing.sizes)
        assert attributes.get("sku", "") == ", ".join(f"{thing.code}-{size}" for size in thing.sizes)


def test_json_ld(settings: Settings, shop: Path) -> None:
    found = imported(settings, shop / "products.json", exports.json_ld())
    assert len(found) == 24
    for thing in exports.things():
        facts = found[thing.code]
        check(facts, thing)
        assert (facts.product.colour, facts.product.currency) == (thing.colour, "USD")
        assert facts.product.url == f"https://shop.example/{thing.code}"
        assert facts.product.attributes.get("size", "") == ", ".join(thing.sizes)


def test_naver(settings: Settings, shop: Path) -> None:
    text = (
        "id\ttitle\tprice_pc\tlink\timage_link\tadd_image_link\tcategory_name1\tcategory_name2\tbrand\tgroup_id\tshipping\n"
        "n1\t빨간 머그컵 &amp; 접시\t12,900\thttps://shop.example/n1\tphotos/p0.png\tphotos/p1.png|photos/p2.png\t주방\t머그컵\t에이콘\tg1\t0\n"
        "n2\t나무 쟁반\t8900\thttps://shop.example/n2\tphotos/p3.png\t\t주방\t\t\t\t3000\n"
    )
    found = imported(settings, shop / "ep.txt", text)
    mug, tray = found["n1"].product, found["n2"].product
    assert (mug.title, mug.price, mug.currency, mug.category) == ("빨간 머그컵 & 접시", 12900, "KRW", "머그컵")
    assert mug.attributes == {"category_path": "주방 > 머그컵", "item_group_id": "g1"}
    assert (len(found["n1"].image_sha256), mug.url) == (3, "https://shop.example/n1")
    assert (tray.price, tray.category, tray.attributes) == (8900, "주방", {})


def test_korean_columns(settings: Settings, shop: Path) -> None:
    text = (
        "상품번호(스마트스토어),상품명,판매상태,재고수량,판매가,대표이미지 URL,브랜드,"
        "중카테고리,대카테고리,상품등록일,색상\n"
        '101,머그컵,판매중,5,"12,900원",photos/p0.png,에이콘,컵,주방,2026년 11월 5일,빨강\n'
        "102,쟁반,품절,0,₩8900,photos/p1.png,,,주방,2026.11.05,\n"
    )
    found = imported(settings, shop / "상품.csv", text)
    cup, tray = found["101"].product, found["102"].product
    assert (cup.title, cup.price, cup.currency, cup.in_stock) == ("머그컵", 12900, "KRW", True)
    assert (cup.category, cup.brand, cup.colour) == ("컵", "에이콘", "빨강")
    assert str(cup.created_at)[:10] == str(tray.created_at)[:10] == "2026-11-05"
    assert (tray.price, tray.in_stock, tray.category) == (8900, False, "주방")


def test_the_lists_that_smart_store_and_cafe24_write(settings: Settings, shop: Path) -> None:
    listed = (
        "상품번호(스마트스토어),판매자상품코드,판매자바코드,상품명,판매상태,재고수량,판매가,할인가(PC),할인가(모바일),"
        "대분류,중분류,소분류,세분류,대표이미지 URL,상품등록일\n"
        "101,S1,8801234567893,머그컵,판매중,5,12000,9900,8900,생활,주방,컵,머그,photos/p0.png,2026-11-05\n"
        "102,S2,,쟁반,판매중,5,8900,,,생활,주방,,,photos/p1.png,2026-11-05\n"
    )
    found = imported(settings, shop / "list.csv", listed)
    cup, tray = found["101"].product, found["102"].product
    assert (cup.price, cup.category, cup.attributes["판매자바코드"]) == (9900, "머그", "8801234567893")
    assert (tray.price, tray.category) == (8900, "주방")
    bulk = (
        "판매자 상품코드,상품명,판매가,대표 이미지 파일명,추가 이미지 파일명,상품 상세정보,출시일자\n"
        "103,접시,7000,photos/p2.png,photos/p3.png,흰 접시,2026-11-05\n"
    )
    plate = imported(settings, shop / "bulk.csv", bulk)["103"]
    assert (plate.product.description, len(plate.image_sha256)) == ("흰 접시", 2)
    assert str(plate.product.created_at)[:10] == "2026-11-05"


def run(settings: Settings, *arguments: object, exit_code: int = 0) -> str:
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(["--home", str(settings.home), "import", *map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
    assert code == exit_code, out.getvalue()
    return out.getvalue()


def test_the_report_names_the_platform_and_what_it_left_out(settings: Settings, shop: Path) -> None:
    (shop / "products.csv").write_text(exports.shopify_csv(), encoding="utf-8")
    said = run(settings, shop / "products.csv")
    assert "read as a Shopify product export" in said
    assert "products that are not published in the shop were left out: 1" in said


def test_columns_that_were_not_used_are_named_with_the_nearest(settings: Settings, shop: Path) -> None:
    (shop / "feed.csv").write_text(
        "product_id,titl,colr,image,flavour\na,Mug,red,photos/p1.png,mint\n", encoding="utf-8"
    )
    said = run(settings, shop / "feed.csv")
    assert "'titl' (did you mean title?), 'colr' (did you mean color?), 'flavour'." in said
    said = run(
        settings, shop / "feed.csv", "--map", "titl=title", "--map", "colr=colour", "--map", "flavour=attr.taste"
    )
    assert "not used" not in said
    product = Catalogue(settings.home).get("a").product
    assert (product.title, product.colour, product.attributes) == ("Mug", "red", {"taste": "mint"})


def test_a_column_that_differs_in_every_row_can_take_the_place_of_the_id(settings: Settings, shop: Path) -> None:
    """Etsy exports no ids but the SKU, which few of its shops give."""
    (shop / "feed.csv").write_text("TITLE,IMAGE1,SKU\nRed mug,photos/p1.png,\nBlue vase,,\n", encoding="utf-8")
    assert "--map TITLE=product_id,title" in run(settings, shop / "feed.csv", exit_code=1)
    assert "not used" not in run(settings, shop / "feed.csv", "--map", "TITLE=product_id, title")
    catalogue = Catalogue(settings.home)
    assert [catalogue.get(name).product.title for name in ("Red mug", "Blue vase")] == ["Red mug", "Blue vase"]
    assert catalogue.counts()["images"] == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [*(("--map", pair) for pair in ("titel", "=title", "none=title", "titl=prise", "titl=title,prise", "titl=title,")),
     ("--encoding", "utf-9"), ("--format", "folder")],
)  # fmt: skip
def test_an_option_that_does_not_fit_is_a_wrong_use(settings: Settings, shop: Path, option: str, value: str) -> None:
    (shop / "feed.csv").write_text("product_id,titel\na,Mug\n", encoding="utf-8")
    assert f"{option} " in run(settings, shop / "feed.csv", option, value, exit_code=2)


def test_photos_by_web_address_are_one_sentence(settings: Settings, shop: Path) -> None:
    rows = "".join(f"p{n},Mug {n},https://shop.example/{n}.jpg\n" for n in range(50))
    (shop / "feed.csv").write_text("id,name,image_link\n" + rows, encoding="utf-8")
    report = import_feed(settings, shop / "feed.csv")
    assert (report.created, report.warnings, report.codes, report.unfetched) == (50, 0, {}, 50)
    assert report.remark.count("LOOKALIKE_FETCH_URLS=true") == 1


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        (["1.299", "2.499", "899"], [1299, 2499, 899]),
        (["1.299", "2.499", "12.50"], [1.299, 2.499, 12.5]),
        (["1.299", "12,50"], [1299, 12.5]),
        (["12,900", "8,000"], [12900, 8000]),
        (["1.299,00 €", "1.299"], [1299, 1299]),
    ],
)
def test_the_prices_of_a_column_decide_together(
    settings: Settings, shop: Path, prices: list[str], expected: list[float]
) -> None:
    rows = "".join(f"p{n};{price}\n" for n, price in enumerate(prices))
    (shop / "feed.csv").write_text("id;price\n" + rows, encoding="utf-8")
    import_feed(settings, shop / "feed.csv")
    assert [facts.product.price for facts in Catalogue(settings.home).iter_facts()] == expected


def test_ids_that_a_spreadsheet_shortened_merge_nothing(settings: Settings, shop: Path) -> None:
    rows = "4.00638E+12,A,4.00638E+12\n4.00638E+12,B,1\n007,C,4.00638E+12\n7,D,7\n4006381333931.0,E,1\n"
    (shop / "feed.csv").write_text("product_id,title,gtin\n" + rows, encoding="utf-8")
    report = import_feed(settings, shop / "feed.csv", full_feed=True)
    assert (report.created, report.refused, report.codes) == (3, 2, {"shortened_number": 3})
    found = {facts.product.product_id: facts.product for facts in Catalogue(settings.home).iter_facts()}
    assert list(found) == ["007", "7", "4006381333931"]
    assert found["007"].attributes == {}


def test_rows_that_only_add_photos_belong_to_the_row_before(settings: Settings, shop: Path) -> None:
    rows = "a,Shirt,50,photos/p0.png\na,,,photos/p1.png\na,,,photos/p2.png\n"
    rows += "b,Cup,5,photos/p3.png\na,Shirt,50,photos/p4.png\n"
    (shop / "feed.csv").write_text("product_id,title,price,image\n" + rows, encoding="utf-8")
    report = import_feed(settings, shop / "feed.csv")
    assert (report.created, report.images, report.codes) == (2, 4, {"duplicate_product_id": 1})


@pytest.fixture
def report_of(settings: Settings, shop: Path) -> Callable[[str], ProductReport]:
    def report(text: str) -> ProductReport:
        (shop / "feed.xml").write_text(text, encoding="utf-8")
        return import_feed(settings, shop / "feed.xml", full_feed=True, force=True)

    return report


def test_xml_that_ends_early_deletes_nothing(report_of: Callable[[str], ProductReport]) -> None:
    whole = exports.merchant_rss()
    assert report_of(whole).created == 40
    cut = report_of(whole[: len(whole) // 2])
    assert (cut.deleted, cut.codes) == (0, {"bad_xml": 1})
    assert cut.refusal


PRICED = {
    "shopify": "Handle,Title,Option1 Name,Option1 Value,Variant Price\na,Mug,Size,S,{0}\na,,,L,{1}\n",
    "woocommerce": "ID,Type,SKU,Name,Regular price,Parent\n1,variable,a,Mug,,\n2,variation,a-s,Mug S,{0},a\n"
    "3,variation,a-l,Mug L,{1},a\n",
    "magento": "sku,attribute_set_code,product_type,name,visibility,price\na,Default,simple,Mug,Catalog,{0}\n",
}


@pytest.mark.parametrize("odd", ["²", "--5", "9" * 5000, "first"])
def test_odd_numbers_of_shopify_do_not_stop_an_import(settings: Settings, tmp_path: Path, odd: str) -> None:
    feed = tmp_path / "export.csv"
    header = "Handle,Title,Variant Price,Image Position,Image Src,Variant Inventory Qty"
    rows = f"{header}\na,Mug,5,{odd},a.jpg,{odd}\nb,Cup,5,1,b.jpg,0\n"
    feed.write_text(rows, encoding="utf-8")
    import_feed(settings, feed)
    found = [(each.product.product_id, each.product.in_stock) for each in Catalogue(settings.home).iter_facts()]
    assert sorted(found) == [("a", True), ("b", False)]


@pytest.mark.parametrize("name", list(PRICED))
def test_a_price_that_cannot_be_read_erases_none(settings: Settings, tmp_path: Path, name: str) -> None:
    feed = tmp_path / "export.csv"
    feed.write_text(PRICED[name].format("9.50", "12.50"), encoding="utf-8")
    import_feed(settings, feed)
    feed.write_text(PRICED[name].format("dear", "dearer"), encoding="utf-8")
    report = import_feed(settings, feed)
    [kept] = Catalogue(settings.home).iter_facts()
    assert (kept.product.title, kept.product.price) == ("Mug", 9.5)
    assert report.codes["bad_price"] == 1, "one warning says it"
