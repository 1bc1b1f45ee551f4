"""What the exports of market places and shop systems without a module of their own are read as, first product first."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from feed_files import feed

from data.readers import open_feed
from data.readers.rows import Row

_AMAZON = """\
TemplateType=fptcustom\tVersion=2023.0101\tsettings=en_US\tImages\t\tOffer\t
Product Type\tSeller SKU\tProduct Name\tBrand Name\tMain Image URL\tStandard Price\tQuantity
feed_product_type\titem_sku\titem_name\tbrand_name\tmain_image_url\tstandard_price\tquantity
mug\tMUG-1\tRed mug\tAcorn\thttps://m.example/1.jpg\t12.50\t5
"""
_EBAY = """\
Info,Version=1.0.0,Template=fx_category_template_EBAY_US
*Action(SiteID=US|Country=US|Currency=USD|CC=UTF-8),CustomLabel,*Title,PicURL,*StartPrice,*Quantity
Add,MUG-1,Red mug,https://i.example/1.jpg|https://i.example/2.jpg,12.50,0
"""
_PRESTASHOP = """\
Product ID;Active (0/1);Name *;Price tax included;Reference #;Quantity;Image URLs (x,y,z...)
1;1;Tasse rouge;"12,50";MUG-1;5;https://p.example/1.jpg,https://p.example/2.jpg
2;0;Tasse bleue;"9,99";MUG-2;0;
"""
_OPENCART = """\
product_id,name(en-gb),name(de-de),sku,quantity,manufacturer,price,date_added,description(en-gb)
42,Red mug,Rote Tasse,MUG-1,990,Acorn,12.5000,2026-02-03 21:06:46,A mug
"""
_WOOCOMMERCE = """\
ID,Typ,Artikelnummer,Name,Veröffentlicht,Beschreibung,Vorrätig?,Bestand,Angebotspreis,Regulärer Preis,Kategorien,Bilder
1,simple,MUG-1,Rote Tasse,1,lang,1,5,,"12,50",Tassen,https://w.example/1.jpg
2,simple,MUG-2,Entwurf,-1,,1,5,,"9,50",Tassen,
"""
_GODOMALL = """\
상품번호,상품코드,상품명,판매가,재고,대표카테고리,PC노출상태,PC판매상태,등록일,이미지명(확대),이미지명(상세),상품상세설명(PC)
1000000001,MUG1,빨간 머그컵,12900.00,∞,주방>컵,노출함,판매함,2026-11-01 10:00:00,mug1.jpg,mug1_d.jpg,<p>빨간 컵</p>
1000000002,MUG2,파란 머그컵,9900.00,∞,주방>컵,노출안함,판매안함,2026-11-01 10:00:00,,,
"""
_MAKESHOP = """\
상품고유번호,상품명,판매가격,소비자가격,수량,진열여부,소분류,큰이미지,상품등록일
55,빨간 머그컵,12900,15000,무제한,Y,머그컵,0010.jpg,20261101
56,파란 머그컵,9900,,품절,N,머그컵,,20261102
"""
_BOL = "EAN;Reference;Stock;Price;For sale;Title\n8712345678906;MUG-1;5;12,95;Ja;Rode mok\n"
_SQUARESPACE = """\
Product ID [Non Editable],Variant ID [Non Editable],Title,SKU,Price,Stock,Visible,Hosted Image URLs
5f1,5f2,Red mug,SQ1,12.50,Unlimited,Yes,https://i.example/1.jpg https://i.example/2.jpg
"""


@pytest.mark.parametrize(
    ("content", "expected", "images"),
    [
        (_AMAZON, {"product_id": "MUG-1", "title": "Red mug", "brand": "Acorn", "category": "mug", "price": "12.50",
                   "in_stock": "5"}, ("https://m.example/1.jpg",)),
        (_EBAY, {"product_id": "MUG-1", "title": "Red mug", "price": "12.50", "in_stock": "0"},
         ("https://i.example/1.jpg", "https://i.example/2.jpg")),
        (_PRESTASHOP, {"product_id": "1", "title": "Tasse rouge", "price": "12,50", "attr.reference": "MUG-1",
                       "in_stock": "5"}, ("https://p.example/1.jpg", "https://p.example/2.jpg")),
        (_OPENCART, {"product_id": "42", "title": "Red mug", "attr.sku": "MUG-1", "in_stock": "990", "brand": "Acorn",
                     "price": "12.5000", "created_at": "2026-02-03 21:06:46", "description": "A mug"}, None),
        (_WOOCOMMERCE, {"product_id": "1", "attr.artikelnummer": "MUG-1", "title": "Rote Tasse", "description": "lang",
                        "in_stock": "5", "price": "12,50", "category": "Tassen"}, ("https://w.example/1.jpg",)),
        (_GODOMALL, {"product_id": "1000000001", "attr.상품코드": "MUG1", "title": "빨간 머그컵", "price": "12900.00",
                     "in_stock": "판매함", "category": "주방>컵", "created_at": "2026-11-01 10:00:00",
                     "description": "빨간 컵"}, ("mug1.jpg",)),
        (_MAKESHOP, {"product_id": "55", "title": "빨간 머그컵", "price": "12900", "in_stock": "무제한",
                     "category": "머그컵", "created_at": "20261101"}, ("0010.jpg",)),
        (_BOL, {"product_id": "MUG-1", "attr.ean": "8712345678906", "in_stock": "5", "price": "12,95",
                "title": "Rode mok"}, None),
        (_SQUARESPACE, {"product_id": "5f1", "title": "Red mug", "attr.sku": "SQ1", "price": "12.50",
                        "in_stock": "Unlimited"}, ("https://i.example/1.jpg", "https://i.example/2.jpg")),
    ],
    ids=["amazon", "ebay", "prestashop", "opencart", "woocommerce", "godomall", "makeshop", "bol", "squarespace"],
)  # fmt: skip
def test_an_export_is_read_by_its_columns(
    tmp_path: Path, content: str, expected: dict[str, str], images: tuple[str, ...] | None
) -> None:
    with open_feed(feed(tmp_path, content)) as opened:
        (row,) = opened.rows
    assert isinstance(row, Row)
    assert (row.fields, row.images) == (expected, images)


def read_sheet(folder: Path, rows: list[list[Any]]) -> tuple[list[Any], list[str]]:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / "export.xlsx")
    with open_feed(folder / "export.xlsx") as opened:
        found = [(row.line, getattr(row, "fields", row)) for row in opened.rows]
    return found, opened.notes


def test_a_sheet_may_have_rows_above_and_below_its_header(tmp_path: Path) -> None:
    found, notes = read_sheet(
        tmp_path,
        [
            ["※ 노란색 항목은 필수입니다."], [],
            ["기본정보", None, None, "판매정보"],
            ["등록상품ID", "등록상품명", "브랜드", "판매가격"],
            ["필수", "필수", "선택", "조건부필수"],
            [13455667788, "빨간 머그컵", "에이콘", "2만원"],
        ],
    )  # fmt: skip
    assert found == [
        (6, {"product_id": 13455667788, "title": "빨간 머그컵", "brand": "에이콘", "price": "2만원"}),
    ]
    assert notes[:2] == [
        "line 3 was skipped as an explanation: 기본정보, 판매정보",
        "line 5 was skipped as an explanation: 필수, 필수, 선택, 조건부필수",
    ]


def test_a_row_of_values_is_never_the_header(tmp_path: Path) -> None:
    found, notes = read_sheet(tmp_path, [["sku", "name", "brand"], ["a", "Title", "Brand"], ["id", "Mug", ""]])
    assert [line for line, _ in found] == [2, 3]
    assert not any("explanation" in note for note in notes)


def test_what_the_shop_does_not_show_is_left_out(tmp_path: Path) -> None:
    content = "id,title,status,visible\na,Mug,active,1\nb,Cup,draft,1\nc,Jar,0,1\nd,Bowl,,no\ne,Pot,,\n"
    with open_feed(feed(tmp_path, content)) as opened:
        assert [row.fields["product_id"] for row in opened.rows if isinstance(row, Row)] == ["a", "c", "e"]
    assert opened.notes[0] == "products that are not published in the shop were left out: 2"


@pytest.mark.parametrize("more", ["", ",availability,link"])
def test_a_translation_does_not_overwrite_a_product(tmp_path: Path, more: str) -> None:
    content = f"id,override,title{more}\na,,Mug{',in stock,https://s.example' if more else ''}\n"
    content += f"a,de_DE,Tasse{',in stock,https://s.example' if more else ''}\n"
    with open_feed(feed(tmp_path, content)) as opened:
        assert [row.fields["title"] for row in opened.rows if isinstance(row, Row)] == ["Mug"]
    assert "rows that override products for a language or country were left out: 1" in opened.notes


def test_a_platforms_feed_says_nothing_of_facts_without_a_column(tmp_path: Path) -> None:
    content = "id,availability,link,title\nMUG-1,in stock,https://s.example/1,\n"
    with open_feed(feed(tmp_path, content)) as opened:
        (row,) = opened.rows
    assert isinstance(row, Row)
    told = {"product_id": "MUG-1", "title": "", "in_stock": "in stock", "url": "https://s.example/1"}
    assert (row.fields, row.images) == (told, None)


def test_prices_alone_say_nothing_of_the_stock(tmp_path: Path) -> None:
    prices = {"type": "simple", "sku": "MUG-1", "name": "Mug", "regular price": "9"}
    for more, told in (({}, None), ({"stock": "0", "in stock?": "0"}, False)):
        columns = prices | more
        with open_feed(feed(tmp_path, f"{','.join(columns)}\n{','.join(columns.values())}\n")) as opened:
            (row,) = opened.rows
        assert isinstance(row, Row)
        assert "read as a WooCommerce product export" in opened.notes
        assert row.fields.get("in_stock") is told


def test_of_prices_the_one_with_tax_counts(tmp_path: Path) -> None:
    with open_feed(feed(tmp_path, "id;Price (tax excl.);Price (tax incl.)\n1;10,42 €;12,50 €\n")) as opened:
        (row,) = opened.rows
    assert isinstance(row, Row)
    assert row.fields["price"] == "12,50 €"
    with open_feed(feed(tmp_path, "id;Price (net);Price (gross)\n1;10,42 €;12,50 €\n")) as opened:
        (row,) = opened.rows
    assert isinstance(row, Row)
    assert "price" not in row.fields  # nothing says which of them is the price
