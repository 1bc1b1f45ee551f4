"""`evaluate retrieval` on a catalogue that is drawn in a moment."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from data.catalogue import Catalogue, ProductFacts
from data.errors import InvalidFeed
from data.generations import GenerationFolder
from data.settings import Settings
from training.embedder import HeldAnswer
from training.embedder.held_out import ANSWERS_FILE
from training.errors import NotEnoughData
from training.evaluation import read_queries
from training.evaluation.retrieval import evaluate
from training.measures import METRICS
from training.parts import QUERY_EMBEDDER
from training.reports import retrieval as retrieval_report
from training.reports.cli import evaluate_retrieval_command
from training.sessions.candidate import publish_candidate


def _facts(settings: Settings) -> list[ProductFacts]:
    return list(Catalogue(settings.home).iter_facts())


def _csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_of_one_query_add_up_and_facts_name_all_products_that_have_them(
    settings: Settings, generation: GenerationFolder, tmp_path: Path
) -> None:
    path = _csv(
        tmp_path / "q.csv",
        "query_text,language,product_id,category,brand",
        "round,en,red-disc,,",
        "round,en,blue-disc,,",
        "bars,en,,BAR,",
        "acme bars,,,bar,acme",
        "gone,,no-such-id,,",
        "asks for nothing,,,,",
        ",,red-disc,,",
    )
    facts = _facts(settings)
    asked = read_queries([path], facts, settings)
    ids = {fact.product_key: fact.product.product_id for fact in facts}
    right = {(query.text, query.source): {ids[key] for key in query.gains} for query in asked.queries}
    bars = {fact.product.product_id for fact in facts if fact.product.category == "bar"}
    acme = {fact.product.product_id for fact in facts if fact.product.brand == "Acme"}
    assert right == {
        ("round", "text en"): {"red-disc", "blue-disc"},
        ("bars", "text en"): bars,
        ("acme bars", "text"): bars & acme,
    }
    assert sum(asked.excluded.values()) == 3


@pytest.mark.parametrize("header", ["query_text", "title,category", ""])
def test_a_file_without_the_columns_is_refused(settings: Settings, tmp_path: Path, header: str) -> None:
    with pytest.raises(InvalidFeed, match="column"):
        read_queries([_csv(tmp_path / "q.csv", header, "a,b")], [], settings)


def test_a_file_without_a_usable_row_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="got none"):
        read_queries([_csv(tmp_path / "q.csv", "query_photo,product_id", "x.jpg,nothing")], [], settings)


def test_own_photos_and_words_are_measured_and_reported(
    settings: Settings, generation: GenerationFolder, tmp_path: Path
) -> None:
    found = evaluate(settings, untrained=True)
    groups = {group.name: group for group in retrieval_report.by_source(found)}
    photos = groups["held-out photo"]
    assert not photos.learned
    assert groups["title"].learned
    assert groups["title"].queries == 48
    assert photos.live is not None
    assert photos.live["recall1"] > 0.9  # the shapes are easy to tell apart
    assert photos.live == pytest.approx(photos.untrained)  # too small a shop for the query embedder
    assert not photos.legs
    assert list(groups["title"].legs) == ["lexical", "fused"]
    assert groups["title"].legs["lexical"]["recall1"] > 0.9  # a title finds itself by its letters
    assert "lexical" in retrieval_report.describe(found)
    document = json.loads(json.dumps(retrieval_report.to_json(found), allow_nan=False))
    assert document["overall"]["queries"] == photos.queries
    retrieval_report.write_report(tmp_path / "report.html", found)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "held-out photo" in page
    assert "data:image/png" in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


def test_answers_recorded_in_training_stand_beside_what_is_asked_now(
    settings: Settings, generation: GenerationFolder
) -> None:
    keys = {fact.product.product_id: fact.product_key for fact in _facts(settings)}
    figures = dict.fromkeys((*METRICS, "rank"), 0.5)
    right = HeldAnswer(
        text="rotund", source="held-out words", right=(keys["red-disc"],), live={**figures, "rank": 11.0},
        untrained=figures, guesses=(10**9, keys["blue-bar"]), scores=(0.9, 0.8),
    )  # fmt: skip
    gone = dataclasses.replace(right, text="gone", right=(10**9,))

    def write(folder: Path) -> None:
        content = json.dumps([dataclasses.asdict(right), dataclasses.asdict(gone)])
        (folder / ANSWERS_FILE).write_text(content, encoding="utf-8")

    publish_candidate(settings, generation, QUERY_EMBEDDER, {}, write)
    found = evaluate(settings, untrained=False)
    group = next(group for group in retrieval_report.by_source(found) if group.name == "held-out words")
    assert (group.queries, group.learned, group.worst, group.failed) == (1, False, 0.5, 1.0)
    failure = next(failure for failure in retrieval_report.failures(found) if failure["query"] == "rotund")
    assert failure["guesses"] == [{"product_id": "blue-bar", "title": "blue bar", "score": 0.8}]


def test_a_photo_never_finds_itself_and_failures_name_the_best_guesses(
    settings: Settings, generation: GenerationFolder, tmp_path: Path
) -> None:
    facts = _facts(settings)
    photo = next(fact for fact in facts if fact.product.product_id == "red-disc").image_sha256[0]
    source = Catalogue(settings.home).photo(photo)
    assert source is not None
    shutil.copyfile(source.source, tmp_path / "same.png")
    path = _csv(
        tmp_path / "<b>.csv",
        "query_photo,query_text,product_id,source",
        "same.png,,red-disc,",
        "missing.png,,red-disc,",
        ",<script>blue bar</script>,red-disc,odd",
    )
    found = evaluate(settings, [path], untrained=False)
    assert found.excluded == {"its photo cannot be read": 1}
    by_photo = next(row for row, query in enumerate(found.queries) if query.photo)
    assert found.live.figures["rank"][by_photo] == 1
    assert found.live.scores[by_photo, 0] < 0.9999
    failed = retrieval_report.failures(found)
    assert [failure["source"] for failure in failed] == ["text odd"]
    assert (len(failed[0]["guesses"]), failed[0]["right"]) == (3, ["red disc"])
    assert failed[0]["rank"] > 10
    retrieval_report.write_report(tmp_path / "report.html", found)
    assert "<script>" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    result = CliRunner().invoke(
        evaluate_retrieval_command, ["--queries", str(path), "--no-untrained", "--json"], obj=settings
    )
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout.splitlines()[-1])
    assert printed["overall"]["live"]["map"] == pytest.approx(float(np.mean(found.live.figures["map"])))
