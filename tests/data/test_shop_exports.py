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
Product ID [Non Editable],Variant ID [Non Editable],Title,SKU,Option Name 1,Option Value 1,Price,Stock,Visible,\
Hosted Image URLs
5f1,5f2,Red mug,SQ1,Size,S,12.50,0,Yes,https://i.example/1.jpg https://i.example/2.jpg
,5f3,,SQ2,Size,L,11.50,Unlimited,,
"""
_WIX = """\
handleId,fieldType,name,productImageUrl,collection,sku,price,visible,inventory,productOptionName1,productOptionDescription1
p_1,Product,Red mug,a~mv2.jpg;b~mv2.png,Mugs,,12.5,true,OutOfStock,Color,Red;Blue
p_1,Variant,,,,MUG-1-R,,true,4,Color,Red
"""
_ECWID = """\
type,product_internal_id,product_sku,product_name,product_price,product_is_inventory_tracked,product_quantity,\
product_category_1,product_media_main_image_url,product_upc,product_option_name,product_option_value
product,123,,Red mug,12.50,false,0,Kitchen / Mugs,https://e.example/1.jpg,4006381333931,,
product_option,123,,,,,,,,,Size,S
product_option,123,,,,,,,,,Size,L
"""
_BIGCOMMERCE = """\
Item Type,Product ID,Product Name,Product Code/SKU,Brand Name,Price,Sale Price,Product Visible?,Track Inventory,\
Current Stock Level,Category,Product Image File - 1,Product Image Sort - 1
Product,77,Red mug,MUG,Acorn,12.50,9.50,Y,none,0,Mugs,1.jpg,0
  SKU,62,[S]Size=L,MUG-L,,,,Y,,0,,,
"""
_BIGCOMMERCE_3 = """\
Item,ID,Name,SKU,Inventory Tracking,Current Stock,Price,Sale Price,Is Visible,Image URL (Import),Variant Image URL
Product,101,Red mug,MUG,variant,0,12.50,9.50,TRUE,,
Variant,77,,MUG-L,,3,11.50,,,,https://b.example/v.jpg
Image,11,,,,,,,,https://b.example/1.jpg,
Product,102,Blue mug,CUP,none,0,9,,FALSE,,
Variant,78,,CUP-L,,3,8,,,,
"""
_EBAY_FAMILY = """\
CustomLabel,*Title,Relationship,RelationshipDetails,PicURL,*StartPrice,*Quantity
MUG,Red mug,,Size=S;L,https://i.example/1.jpg,,
MUG-S,,Variation,Size=S,,12.50,0
MUG-L,,Variation,Size=L,,11.50,2
"""
_HEUREKA = """\
<SHOP><SHOPITEM><ITEM_ID>MUG</ITEM_ID><PRODUCTNAME>Hrnek</PRODUCTNAME><IMGURL>https://h.example/1.jpg</IMGURL>
<IMGURL_ALTERNATIVE>https://h.example/2.jpg</IMGURL_ALTERNATIVE><PRICE_VAT>250</PRICE_VAT><MANUFACTURER>Acorn</MANUFACTURER>
<CATEGORYTEXT>Kuchyn | Hrnky</CATEGORYTEXT></SHOPITEM></SHOP>
"""
_SHOPWARE = """\
id;parent_id;product_number;active;stock;name;price_net;price_gross;cover_media_url;manufacturer_name
0a1b;;SW1;1;0;Rote Tasse;10,50;12,50;https://s.example/1.jpg;Acorn
0a2b;0a1b;SW1.1;1;3;;;;;
"""
_AMAZON_FAMILY = """\
item_sku,item_name,parent_child,parent_sku,standard_price,quantity,color_name,main_image_url
MUG,Mug,Parent,,,,,https://m.example/1.jpg
MUG-R,"Mug, red",Child,MUG,12.50,0,red,https://m.example/2.jpg
MUG-B,"Mug, blue",Child,MUG,11.50,2,blue,
"""
_CAFE24 = """\
상품코드,진열상태,판매상태,상품명,판매가,옵션입력,제조사,브랜드,이미지등록(상세)
P000000A,Y,Y,빨간 머그컵,12900.00,색상{빨강|파랑}//사이즈{S|M},M0000000,B0000001,1.jpg
"""
_COUPANG = """\
등록상품ID,등록상품명,옵션ID,등록옵션명,판매가격,잔여수량(재고),판매상태
11,빨간 머그컵,9001,S,12900,0,품절
11,빨간 머그컵,9002,L,11900,3,판매중
"""
_SMART_STORE = """\
상품번호(스마트스토어),상품명,판매가,즉시할인가(PC),재고수량,제조사명
40123,빨간 머그컵,"12,900","9,900",3,에이콘
"""
_ODOO = """\
External ID,Name,Internal Reference,Sales Price,Quantity On Hand,Can be Sold
product_1,Red mug,MUG,12.50,3,True
product_2,Service,SRV,1,0,False
"""
_LIGHTSPEED = 'System ID,Custom SKU,Item,Qty.,Price,Archived\n21,MUG,Red mug,3,"$1,299.00",No\n22,OLD,Cup,3,$9,Yes\n'
_PRESTASHOP_GRID = "ID;Image;Name;Base price;Final price;Status\n1;https://p.example/1.jpg;Tasse;10,42 €;12,50 €;1\n"


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
        (_SQUARESPACE, {"product_id": "5f1", "title": "Red mug", "attr.sku": "SQ1, SQ2", "price": "11.50",
                        "attr.size": "S, L", "in_stock": "Unlimited"},
         ("https://i.example/1.jpg", "https://i.example/2.jpg")),
        (_WIX, {"product_id": "p_1", "title": "Red mug", "category": "Mugs", "attr.sku": "MUG-1-R", "price": "12.5",
                "in_stock": "4", "attr.color": "Red, Blue", "colour": "Red, Blue"}, ("a~mv2.jpg", "b~mv2.png")),
        (_ECWID, {"product_id": "123", "attr.sku": "", "title": "Red mug", "price": "12.50", "in_stock": True,
                  "category": "Kitchen / Mugs", "attr.upc": "4006381333931", "attr.size": "S, L"},
         ("https://e.example/1.jpg",)),
        (_BIGCOMMERCE, {"product_id": "77", "title": "Red mug", "attr.product_code_sku": "MUG, MUG-L",
                        "brand": "Acorn", "price": "9.50", "in_stock": True, "category": "Mugs"}, ("1.jpg",)),
        (_BIGCOMMERCE_3, {"product_id": "101", "title": "Red mug", "attr.sku": "MUG, MUG-L", "in_stock": "3",
                          "price": "9.50"}, ("https://b.example/v.jpg", "https://b.example/1.jpg")),
        (_EBAY_FAMILY, {"product_id": "MUG", "title": "Red mug", "price": "11.50", "in_stock": "2",
                        "attr.sku": "MUG-S, MUG-L"}, ("https://i.example/1.jpg",)),
        (_HEUREKA, {"product_id": "MUG", "title": "Hrnek", "price": "250", "brand": "Acorn",
                    "category": "Kuchyn | Hrnky"}, ("https://h.example/1.jpg", "https://h.example/2.jpg")),
        (_SHOPWARE, {"product_id": "0a1b", "title": "Rote Tasse", "attr.product_number": "SW1, SW1.1", "brand": "Acorn",
                     "price": "12,50", "in_stock": "3"}, ("https://s.example/1.jpg",)),
        (_AMAZON_FAMILY, {"product_id": "MUG", "title": "Mug", "price": "11.50", "in_stock": "2",
                          "colour": "red, blue", "attr.sku": "MUG-R, MUG-B"},
         ("https://m.example/1.jpg", "https://m.example/2.jpg")),
        (_CAFE24, {"product_id": "P000000A", "title": "빨간 머그컵", "price": "12900.00", "brand": "", "in_stock": "Y",
                   "attr.색상": "빨강, 파랑", "attr.사이즈": "S, M", "colour": "빨강, 파랑"}, ("1.jpg",)),
        (_COUPANG, {"product_id": "11", "title": "빨간 머그컵", "price": "11900", "in_stock": "판매중"}, None),
        (_SMART_STORE, {"product_id": "40123", "title": "빨간 머그컵", "price": "9900", "in_stock": "3",
                        "brand": "에이콘"}, None),
        (_ODOO, {"product_id": "product_1", "title": "Red mug", "attr.internal_reference": "MUG", "price": "12.50",
                 "in_stock": "3"}, None),
        (_LIGHTSPEED, {"product_id": "21", "attr.custom_sku": "MUG", "title": "Red mug", "in_stock": "3",
                       "price": "$1,299.00"}, None),
        (_PRESTASHOP_GRID, {"product_id": "1", "title": "Tasse", "price": "12,50 €"}, ("https://p.example/1.jpg",)),
    ],
    ids=["amazon", "ebay", "prestashop", "opencart", "woocommerce", "godomall", "makeshop", "bol", "squarespace", "wix",
         "ecwid", "bigcommerce", "bigcommerce 3", "ebay family", "heureka", "shopware", "amazon family", "cafe24",
         "coupang", "smart store", "odoo", "lightspeed", "prestashop grid"],
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
    with open_feed(feed(tmp_path, "id;Price (online);Price (shop)\n1;10,42 €;12,50 €\n")) as opened:
        (row,) = opened.rows
    assert isinstance(row, Row)
    assert "price" not in row.fields  # nothing says which of them is the price


def test_only_what_names_a_variant_joins_the_product_above(tmp_path: Path) -> None:
    rows = ["a,S-1,Mug,Size,S", "a,S-2,Mug,,", ",S-3,,,", ",S-4,Cup,Size,L", "b,S-5,Cup,,", "b,S-6,Jar,Size,L"]
    with open_feed(feed(tmp_path, "id,sku,title,option name,option value\n" + "\n".join(rows))) as opened:
        found = [(row.line, row.fields.get("attr.sku")) for row in opened.rows if isinstance(row, Row)]
    assert found == [(line, f"S-{line - 1}") for line in range(2, 8)]


def test_variants_are_left_out_with_their_product(tmp_path: Path) -> None:
    content = "id,item type,title,price,visible\na,Product,Mug,9,yes\na-s,Variant,,8,no\n"
    content += "b,Product,Cup,9,no\nb-s,Variant,,5,\nb-l,Variant,,5,yes\nc,Product,Jar,7,yes\n"
    with open_feed(feed(tmp_path, content)) as opened:
        found = [(row.fields["product_id"], row.fields["price"]) for row in opened.rows if isinstance(row, Row)]
    assert found == [("a", "9"), ("c", "7")]
    assert opened.notes[0] == "products that are not published in the shop were left out: 1"


def test_a_parent_that_is_not_named_is_none(tmp_path: Path) -> None:
    rows = "p,,,Mug\na,,,Cup\nb,S-2,p,Jar\nc,,a,Bowl\n,,,\n"
    with open_feed(feed(tmp_path, f"id,sku,parent_sku,title\n{rows}")) as opened:
        assert [row.fields["product_id"] for row in opened.rows if isinstance(row, Row)] == ["p", "a", "b", "c"]


def test_a_variant_below_a_row_without_an_id_is_refused_like_it(tmp_path: Path) -> None:
    with open_feed(feed(tmp_path, "id,title,option name,option value\n,Mug,Size,S\n,,Size,L\n")) as opened:
        assert [row.line for row in opened.rows] == [2, 3]


def test_what_naver_calls_deleted_is_sold_out(tmp_path: Path) -> None:
    content = "id\ttitle\tprice_pc\tclass\na\tMug\t9000\tU\nb\tCup\t9000\tD\n"
    with open_feed(feed(tmp_path, content)) as opened:
        assert [row.fields["in_stock"] for row in opened.rows if isinstance(row, Row)] == ["in stock", "sold out"]
