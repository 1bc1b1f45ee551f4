"""The lexical index: exact codes and titles, words, typing errors; kept in step with the products."""

import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.catalogue import Catalogue, Product
from data.database import Connections
from data.lexical import EntryCounts, LexicalAnswer, WordScores, find_by_letters, ranking, spelling, words_of

SHOP = (
    Product(product_id="np1", title="Bosch drill XK-4432", brand="Bosch"),
    Product(product_id="blade", title="Blade 1 of 7432 XK", attributes={"mpn": "XK-7432/12"}),
    Product(product_id="bag", title="파란가방 큰것", category="가방", attributes={"sku": "RM-S, RM-L", "size": "L"}),
    Product(product_id="fruit", title="바나나 1kg", attributes={"gtin": "04006381333931"}),
    Product(product_id="grocery-01", title="Red Delicious", category="Apple"),
    Product(product_id="007", title="Bond mug"),
    Product(product_id="7", title="Seven plain cups"),
    Product(product_id="café/1", title="Striped dresses for cafés", description="A pattern by Anna"),
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    made = Catalogue(tmp_path)
    made.upsert_many([(product, []) for product in SHOP])
    return made


def found(catalogue: Catalogue, text: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Returns (product_id, evidence, name) of the products that stand first, and the ids ranked by words."""
    names = {facts.product_key: facts.product.product_id for facts in catalogue.iter_facts()}
    answer = catalogue.by_letters(text)
    first = [(names[hit.product_key], hit.evidence, hit.name) for hit in answer.first]
    return first, [names[key] for key in answer.ranked]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("np1", ("np1", "code", "product_id")),
        (" NP1 ", ("np1", "code", "product_id")),
        ("grocery 01", ("grocery-01", "code", "product_id")),
        ("RM-S", ("bag", "code", "sku")),
        ("rml", ("bag", "code", "sku")),
        ("4006381333931", ("fruit", "code", "gtin")),
        ("the fruit 04006381333931", ("fruit", "code", "gtin")),
        ("007", ("007", "code", "product_id")),
        ("7", ("7", "code", "product_id")),
        ("red delicious", ("grocery-01", "title", "")),
        ("파란가방  큰것", ("bag", "title", "")),
        ("STRIPED DRESSES FOR CAFES", ("café/1", "title", "")),
        ("grocery-O1", ("grocery-01", "near", "product_id")),
        ("XK-7432.1", ("blade", "near", "mpn")),
        ("red delicous", ("grocery-01", "near", "")),
        ("파란가망 큰것", ("bag", "near", "")),
    ],
)
def test_a_code_or_title_that_was_typed_comes_first(
    catalogue: Catalogue, text: str, first: tuple[str, str, str]
) -> None:
    assert found(catalogue, text)[0][0] == first


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("drill", "np1"), ("xk4432", "np1"), ("XK-4432", "np1"), ("bosch", "np1"),
        ("가방", "bag"), ("가방을", "bag"), ("파란 가방", "bag"), ("바나나", "fruit"),
        ("dress", "café/1"), ("cafe", "café/1"), ("anna", "café/1"), ("cup", "7"), ("apples", "grocery-01"),
    ],
)  # fmt: skip
def test_words_find_products_whatever_their_ending(catalogue: Catalogue, text: str, best: str) -> None:
    assert found(catalogue, text)[1][0] == best


@pytest.mark.parametrize(
    ("text", "corrected", "best"),
    [
        ("boch dril", "bosch drill", "np1"), ("stripde", "striped", "café/1"), ("delicous", "delicious", "grocery-01"),
        ("patern", "pattern", "café/1"),
        ("빠나나", "바나나", "fruit"), ("바나너", "바나나", "fruit"), ("파란가망", "파란가방", "bag"),
    ],
)  # fmt: skip
def test_a_misspelt_word_is_mended(catalogue: Catalogue, text: str, corrected: str, best: str) -> None:
    assert catalogue.by_letters(text).corrected == corrected
    assert found(catalogue, text)[1][0] == best


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("frams", "farms"),
        ("afrms", "farms"),
        ("우싼", "우산"),
        ("빨간 우싼", "빨간 우산"),
        ("green frams", "green farms"),
    ],
)
def test_one_error_in_a_short_word_changes_each_group_of_three_letters(
    catalogue: Catalogue, text: str, corrected: str
) -> None:
    catalogue.upsert(Product(product_id="toy", title="Green farms"), [])
    catalogue.upsert(Product(product_id="rain", title="빨간 우산"), [])
    assert catalogue.by_letters(text).corrected == corrected


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("여자 시계", ""),
        ("여자 나무", "의자 나무"),
        ("clock of waal", ""),
        ("pink waal", ""),
        ("waal of brick", "wall of brick"),
    ],
)
def test_a_word_is_mended_only_to_one_that_products_have_beside_the_others(
    catalogue: Catalogue, text: str, corrected: str
) -> None:
    titles = ("나무 의자", "큰 시계", "Wall of brick", "Clock of glass", "Pink clock")
    catalogue.upsert_many([(Product(product_id=title, title=title), []) for title in titles])
    assert catalogue.by_letters(text).corrected == corrected


def test_of_words_as_near_the_one_that_goes_with_the_others_is_meant(catalogue: Catalogue) -> None:
    titles = ("Grey lamp", "Green mug", "Greek mug")
    catalogue.upsert_many([(Product(product_id=title, title=title), []) for title in titles])
    assert catalogue.by_letters("gree lamp").meant == {"gree": "grey"}
    assert catalogue.by_letters("gree mug").corrected in ("green mug", "greek mug")
    assert catalogue.by_letters("gree mug").meant == {}


@pytest.mark.parametrize(
    "text", ["", "  ", "laptop computer", "asdfgh qwerty", '"', "NEAR(", "* OR -", "x" * 1000, "🧸"]
)
def test_what_is_not_there_finds_nothing(catalogue: Catalogue, text: str) -> None:
    assert found(catalogue, text) == ([], [])


def test_the_last_sign_of_a_word_alone_finds_and_explains_nothing(catalogue: Catalogue) -> None:
    assert found(catalogue, "고나") == ([], [])  # 바나나 ends in 나 too
    assert catalogue.by_letters("나").ranked  # a sign that is a whole word is looked for


def test_a_word_that_goes_on_in_texts_is_not_taken_for_a_misspelt_one(catalogue: Catalogue) -> None:
    catalogue.upsert(Product(product_id="cup", title="머그컵"), [])
    catalogue.upsert(Product(product_id="rug", title="러그"), [])
    assert catalogue.by_letters("머그").corrected == ""
    assert found(catalogue, "머그")[1] == ["cup"]


def test_a_title_with_another_number_is_no_typing_error(catalogue: Catalogue) -> None:
    catalogue.upsert_many(
        [(Product(product_id="other", title="Phone model 114"), []), (Product(product_id="it", title="Phone 113"), [])]
    )
    assert found(catalogue, "phone model 113") == ([], ["it", "other"])


def test_the_index_follows_every_change(catalogue: Catalogue) -> None:
    catalogue.upsert(Product(product_id="np1", title="Hammer"), None)
    assert found(catalogue, "drill") == ([], [])
    assert found(catalogue, "hammer")[1] == ["np1"]
    catalogue.patch("np1", {"attributes": {"ean": "123-45"}})
    assert found(catalogue, "12345")[0] == [("np1", "code", "ean")]
    catalogue.delete("np1")
    assert found(catalogue, "hammer") == found(catalogue, "12345") == found(catalogue, "np1") == ([], [])
    catalogue.erase_product("np1")
    catalogue.upsert(Product(product_id="np1", title="Saw"), None)
    assert found(catalogue, "saw")[1] == ["np1"]


def test_a_home_of_an_older_version_is_indexed_when_it_is_opened(catalogue: Catalogue) -> None:
    with Connections(catalogue.home).writing() as connection:
        connection.executescript(
            "DELETE FROM lexical_keys; DELETE FROM lexical_words; DELETE FROM lexical_letters; "
            "DELETE FROM lexical_version; BEGIN"
        )
    assert found(catalogue, "np1") == ([], [])
    assert found(Catalogue(catalogue.home), "np1") == ([("np1", "code", "product_id")], ["np1"])


def test_deleted_words_leave_the_file_when_the_index_is_tidied(catalogue: Catalogue) -> None:
    catalogue.upsert(Product(product_id="secret", title="Zanzibarian"), None)
    catalogue.delete("secret")
    catalogue.upkeep.tidy_index()
    with Connections(catalogue.home).writing() as connection:
        stored = b"".join(bytes(block) for (block,) in connection.execute("SELECT block FROM lexical_words_data"))
    assert b"zanzibar" not in stored
    assert b"delici" in stored  # so the words are to be seen there


def test_the_share_of_the_words_that_title_and_facts_hold(catalogue: Catalogue) -> None:
    dresses, fruit = (catalogue.get(name).product_key for name in ("café/1", "fruit"))
    assert catalogue.share_found([dresses], words_of("striped blue dress")) == pytest.approx({dresses: 2 / 3})
    assert catalogue.share_found([dresses], ["anna"]) == {}  # only its description has it
    assert catalogue.share_found([fruit, dresses], ["바나나"]) == pytest.approx({fruit: 1})
    assert catalogue.share_found([fruit], ["바나바"]) == pytest.approx({fruit: 1 / 2})
    assert catalogue.share_found([fruit], ["바나"]) == pytest.approx({fruit: 1})  # the word goes on


def test_words_that_no_title_and_no_fact_has(catalogue: Catalogue) -> None:
    words = ["drill", "laptop", "anna", "rms", "가방", "우산", "dress"]  # anna stands in a description alone
    drill, dresses = (catalogue.get(name).product_key for name in ("np1", "café/1"))
    assert catalogue.unnamed(words, [dresses, drill]) == {"laptop": [], "anna": [dresses], "우산": []}
    assert catalogue.unnamed(words, [drill]) == {"laptop": [], "anna": [], "우산": []}


def test_a_number_alone_does_not_hold_a_word_that_begins_with_it(catalogue: Catalogue) -> None:
    catalogue.upsert(Product(product_id="folding", title="우산 2 3단"), None)
    key = catalogue.get("folding").product_key
    assert catalogue.unnamed(["2단", "3단", "2"], [key]) == {"2단": []}
    assert catalogue.share_found([key], ["2단", "3단"]) == pytest.approx({key: 1 / 2})
    assert catalogue.words_found([key], ["2단", "3단"]) == {key: ["3단"]}


def test_the_words_found_are_named(catalogue: Catalogue) -> None:
    key, other = (catalogue.get(name).product_key for name in ("café/1", "np1"))
    assert catalogue.words_found([key], words_of("striped blue dress")) == {key: ["striped", "dress"]}
    fruit = catalogue.get("fruit").product_key
    assert catalogue.words_found([fruit], ["바나", "고나"]) == {fruit: ["바나"]}  # 고나 shares its last sign alone
    assert catalogue.words_found([other], words_of("striped blue dress drill")) == {other: ["drill"]}


def test_each_thread_asks_of_the_products_as_they_are_now(catalogue: Catalogue) -> None:
    key = catalogue.get("np1").product_key
    before = {key: ["drill"]}
    assert catalogue.words_found([key], ["drill", "hammer"]) == before
    with ThreadPoolExecutor(1) as other:
        assert other.submit(catalogue.words_found, [key], ["drill", "hammer"]).result() == before
        catalogue.upsert(Product(product_id="np1", title="Hammer"), None)
        assert other.submit(catalogue.words_found, [key], ["drill", "hammer"]).result() == {key: ["hammer"]}
    assert catalogue.words_found([key], ["drill", "hammer"]) == {key: ["hammer"]}
    catalogue.delete("np1")
    assert catalogue.words_found([key], ["drill", "hammer"]) == {}


@given(text=st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_search(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.getbasetemp() / "lexical-any-text"
    catalogue = Catalogue(home)
    with Connections(home).reading() as connection:
        find_by_letters(connection, text, EntryCounts(), WordScores(), _is_no_word)
    catalogue.upsert(Product(product_id="any", title=text.encode("utf-8", "ignore").decode()), None)


def test_one_typing_error_in_a_title_or_code_still_finds_it(tmp_path: Path) -> None:
    chance = random.Random(3)
    makers = ["".join(chance.choice("bdfglmnprst") + chance.choice("aeiou") for _ in range(3)) for _ in range(300)]
    kinds = ["mug", "backpack", "shirt", "lamp", "chair", "watch", "bottle", "가방", "운동화", "손목시계", "재킷"]
    products = [
        Product(
            product_id=f"{chance.randrange(10**9):09d}",
            title=f"{chance.choice(makers)} {chance.choice(kinds)} {chance.choice(makers)}",
        )
        for _ in range(1000)
    ]
    catalogue = Catalogue(tmp_path)
    catalogue.upsert_many([(product, []) for product in products])
    asked = [(text, product) for product in products[:100] for text in (product.product_id, product.title)]
    right = 0
    for text, product in asked:
        typed = _mistyped(chance, text)
        first, ranked = found(catalogue, typed)
        right += product.product_id in [*(name for name, _, _ in first), *ranked][:3]
    assert right >= 0.95 * len(asked)


def test_a_word_that_is_no_typing_error_is_not_mended(catalogue: Catalogue) -> None:
    catalogue.upsert(Product(product_id="shoe", title="Sneaker"), [])
    assert catalogue.by_letters("speaker").corrected == "sneaker"
    assert catalogue.by_letters("speaker", {"speaker"}.__contains__) == LexicalAnswer()
    some = catalogue.by_letters("speaker sneker", {"speaker"}.__contains__)
    assert (some.corrected, some.meant) == ("speaker sneaker", {"sneker": "sneaker"})


def test_a_long_title_with_one_wrong_letter_is_found_even_if_the_letter_makes_a_word(catalogue: Catalogue) -> None:
    catalogue.upsert(Product(product_id="shoe", title="Green hiking shoes"), [])
    answer = catalogue.by_letters("green hiring shoes", {"hiring"}.__contains__)
    assert ([hit.evidence for hit in answer.first], answer.corrected) == (["near"], "")


def test_a_word_that_is_no_typing_error_is_no_part_of_a_misspelt_code(catalogue: Catalogue) -> None:
    catalogue.upsert(Product(product_id="backpack-014", title="Canvas pack"), [])
    catalogue.upsert(Product(product_id="rucksack", title="Backpack"), [])
    assert [hit.evidence for hit in catalogue.by_letters("backpack 14l").first] == ["near"]
    assert catalogue.by_letters("backpack 14l", {"14l"}.__contains__).first == ()


def _is_no_word(_word: str) -> bool:
    return False


def _mistyped(chance: random.Random, text: str) -> str:
    """Returns the text with one letter replaced, left out, doubled or swapped with the next."""
    at = chance.randrange(len(text) - 1)
    before, letter, after = text[:at], text[at], text[at + 1 :]
    return chance.choice(
        [before + chance.choice("xqz5") + after, before + after, before + letter * 2 + after,
         before + after[0] + letter + after[1:]]
    )  # fmt: skip


@pytest.mark.parametrize("few", [0, 10_000])  # scored with what is remembered, and by FTS5
def test_of_very_many_products_those_with_all_words_come(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(ranking, "_FEW_OF_A_TERM", few)
    texts = ("red wool dress", "red dress", "red dress of wool", "wool wool", "wool shoes", "a long red dress of wool")
    catalogue.upsert_many([(Product(product_id=str(at), title=text), []) for at, text in enumerate(texts)])
    whole = catalogue.by_letters("wool red dress")
    having_all = catalogue.keys_of(["0", "2", "5"]).tolist()
    assert set(whole.ranked[:3]) > set(having_all[:2])  # a short text comes before a long one that has all words
    monkeypatch.setattr(ranking, "_MANY_ENTRIES", 0)
    assert catalogue.by_letters("wool red dress") == whole  # too few have all words
    monkeypatch.setattr(ranking, "MOST_HITS", 3)
    assert sorted(catalogue.by_letters("wool red dress").ranked) == having_all


def test_words_beside_a_number_are_compared_with_codes_of_about_their_length(catalogue: Catalogue) -> None:
    asked, scores = list[str](), WordScores()

    def compared(text: str) -> bool:
        asked.clear()
        with Connections(catalogue.home).reading() as connection:
            connection.set_trace_callback(asked.append)
            find_by_letters(connection, text, EntryCounts(), scores, _is_no_word)
            connection.set_trace_callback(None)
        return any("lexical_letters" in sql for sql in asked)

    assert not compared("bosch drill 7432 blade")
    assert compared("bosch drill 7433 blade")  # a word that no product has may be misspelt in a title
    assert compared("blade 743212")
    catalogue.upsert(Product(product_id="bosch-dril-7432-blade", title="Blade"), None)
    assert compared("bosch drill 7432 blade")
    assert found(catalogue, "bosch drill 7432 blade")[0] == [("bosch-dril-7432-blade", "near", "product_id")]


def test_the_rarest_groups_of_letters_are_found_by_counting_few(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = [f"lamp {'ab' * (at % 3)} {at}" for at in range(40)]
    catalogue.upsert_many([(Product(product_id=str(at), title=text), []) for at, text in enumerate(titles)])
    monkeypatch.setattr(spelling, "MOST_ENTRIES", 30)
    with Connections(catalogue.home).reading() as connection:
        found = spelling._rarest_trigrams("lamp abab 7", partial(EntryCounts().of, connection, 0))
        counts = connection.execute("SELECT doc, term FROM lexical_trigrams ORDER BY 1, 2").fetchall()
    held = {
        term: count for count, term in counts if term in ("lam", "amp", "mp ", "p a", " ab", "aba", "bab", "ab ", "b 7")
    }
    rare = sorted(held, key=lambda term: (held[term], term))
    assert found == [term for at, term in enumerate(rare) if sum(held[each] for each in rare[: at + 1]) <= 30]
    assert found
    assert "lam" not in found
