"""Training the voters: in a rebuild, from the command line, and on catalogues that cannot teach."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from shape_catalogue import draw_catalogue, draw_shape
from sklearn.linear_model import LogisticRegression
from tiny_backbone import TinyBackbone
from voter_rows import LABELS, draw_rows, keys_of

from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore
from data.photos import Pixels
from data.settings import Settings
from engine.backbones import load_input
from engine.errors import NoVoters
from engine.protocols import Floats
from engine.search import SearchEngine
from indexer.importing import import_feed
from indexer.rebuild import rebuild
from lookalike import cli
from training.embedder import EmbedderOptions
from training.measures import measure_recogniser
from training.photos import look_folds
from training.voters import SoftmaxOptions, VoterOptions, class_weights, fit_softmax
from training.voters.feature_map import choose_map, fit_axes, whitening
from training.voters.fit import FitOptions, choose, fit
from training.voters.part import capped
from training.voters.svm import fit_svm


def test_whitening_finds_what_tells_labels_apart() -> None:
    rows = draw_rows(60, seed=3, noise=3.0)
    folds = look_folds(rows.views[0], rows.y, 4)
    choice = choose_map(rows.views[0], rows.y, folds)
    assert choice.shrinkage < 1
    points = fit_axes("plain", rows.views[0]).project(rows.views[0])
    white = points @ whitening(points, rows.y, 0.0)
    means = np.stack([white[rows.y == label].mean(axis=0) for label in range(4)])
    within = np.cov((white - means[rows.y]).T)
    np.testing.assert_allclose(np.diag(within), 1, rtol=0.1)


def test_the_recipe_learns_and_is_repeatable() -> None:
    rows, test = draw_rows(40, seed=0, copies=1, views=2), draw_rows(20, seed=9, views=2)
    options = FitOptions(seed=4)
    made = []
    for _ in range(2):
        choices = choose(rows, LABELS, options)
        recogniser, timings = fit(rows, LABELS, keys_of(160), choices, options, fingerprint="f", label_kind="category")
        made.append(measure_recogniser(recogniser, test.views, test.y, keys_of(80)))
    assert set(timings.seconds) == {"softmax", "knn", "svm"}
    np.testing.assert_array_equal(made[0].best, made[1].best)
    np.testing.assert_allclose(made[0].scores, made[1].scores, atol=1e-4)
    assert made[0].top("vote", 1) > 0.7
    assert made[0].top("vote", 3) > made[0].top("vote", 1)


@pytest.mark.parametrize("hidden", [0, 8])
@pytest.mark.parametrize("labels", [2, 3])
def test_svm_and_softmax_know_two_labels_as_well_as_three(labels: int, hidden: int) -> None:
    random = np.random.default_rng(0)
    y = np.arange(90) % labels
    rows = (np.eye(6)[y] + 0.2 * random.normal(size=(90, 6))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    svm = fit_svm(rows, y, labels, c=1.0)
    soft, epochs = fit_softmax(rows, y, labels, SoftmaxOptions(hidden=hidden), held=(rows, y))
    assert epochs > 1
    for voter in (svm, soft):
        assert (voter.probabilities(rows).argmax(axis=1) == y).mean() > 0.95


def test_softmax_reaches_the_optimum_that_another_solver_finds() -> None:
    """Cross-entropy with class weights and a penalty has one optimum; scikit-learn's L-BFGS is asked for it as well."""
    rows = draw_rows(40, seed=5, noise=1.5)
    points = fit_axes("l2", rows.views[0]).project(rows.views[0])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    options = SoftmaxOptions(penalty=0.02, batch=len(points), learning_rate=0.01)
    ours, _ = fit_softmax(points, rows.y, 4, options, epochs=300)
    scaled = points * np.sqrt(points.shape[1])
    weights = dict(enumerate(class_weights(rows.y, 4).tolist()))
    solver = LogisticRegression(C=1 / (0.02 * len(points)), class_weight=weights, tol=1e-8, max_iter=2000)
    expected = solver.fit(scaled, rows.y).predict_proba(scaled)
    np.testing.assert_allclose(ours.probabilities(points), expected, atol=0.01)


def test_a_label_that_is_missing_from_a_fold_is_never_named() -> None:
    rows = np.eye(4, dtype=np.float32)[np.arange(40) % 2]
    y = np.where(np.arange(40) % 2, 3, 0)
    for voter in (fit_svm(rows, y, 5, c=1.0), fit_softmax(rows, y, 5, SoftmaxOptions())[0]):
        assert set(voter.probabilities(rows).argmax(axis=1)) == {0, 3}


def test_small_labels_weigh_more() -> None:
    weights = class_weights(np.array([0, 0, 0, 1]), 3)
    np.testing.assert_allclose(weights[:2], [4 / 6, 2])


def _catalogue_of(settings: Settings, tmp_path: Path) -> None:
    import_feed(settings, draw_catalogue(tmp_path / "feed"))


def test_a_rebuild_trains_voters_that_recognise(generation: GenerationFolder, settings: Settings) -> None:
    voters = generation.manifest.metrics["parts"]["voters"]
    assert (voters["labels"], voters["photos"]) == (3, 120)
    assert voters["split"]["labels_split_by_product"] == 3
    assert [line["model"] for line in voters["models"]] == ["softmax", "knn", "svm", "vote"]
    assert voters["held_out"]["vote"]["top1"] > 0.8
    out = settings.home / "photo.png"
    draw_shape("red", "bar", 9).save(out)
    answer = SearchEngine(settings, backbone=TinyBackbone()).recognise(out.read_bytes(), k=2)
    assert answer.labels[0].label == "bar"
    assert len(answer.labels) == 2
    assert answer.neighbours[0].label == "bar"
    narrowed = SearchEngine(settings, backbone=TinyBackbone()).recognise(out.read_bytes(), within=["disc", "square"])
    assert narrowed.labels[0].label in ("disc", "square")


def test_a_catalogue_without_categories_is_searched_and_says_why_it_cannot_recognise(
    settings: Settings, tmp_path: Path
) -> None:
    import_feed(settings, draw_catalogue(tmp_path / "feed", texts=False))
    rebuild(settings, backbone=TinyBackbone())
    voters = GenerationStore(settings.home).open().manifest.metrics["parts"]["voters"]
    assert "at least 2 labels" in voters["skipped"]
    out = tmp_path / "photo.png"
    draw_shape("red", "bar").save(out)
    with pytest.raises(NoVoters, match="lookalike rebuild"):
        SearchEngine(settings, backbone=TinyBackbone()).recognise(out.read_bytes())


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lets the commands load the tiny backbone; counts the images it embeds."""
    embedded: list[int] = []

    class Counting(TinyBackbone):
        def embed(self, images: np.ndarray) -> np.ndarray:
            embedded.append(len(images))
            return super().embed(images)

    monkeypatch.setattr("engine.backbones.load_backbone", lambda *_, **__: Counting())
    return embedded


def _run(settings: Settings, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["--home", str(settings.home), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("options", [VoterOptions, EmbedderOptions])
def test_a_choice_about_mirror_images_holds_for_close_ups(options: type[VoterOptions | EmbedderOptions]) -> None:
    assert options.from_json({"flips": False}).close_ups is False
    assert options.from_json({"flips": True}).close_ups is True
    assert options.from_json({}).close_ups is None
    assert options.from_json(asdict(options(close_ups=False))).close_ups is False


class Watched(TinyBackbone):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Pixels] = []

    def embed(self, images: Pixels) -> Floats:
        self.asked.append(images)
        return super().embed(images)


def test_train_measures_and_publishes_only_when_asked(
    generation: GenerationFolder, settings: Settings, tiny: list[int]
) -> None:
    report = settings.home / "voters.html"
    options = ("train", "voters", "--augment", "1", "--close-ups", "--seed", "3", "--json")
    measured = json.loads(_run(settings, *options, "--report", str(report)))
    assert measured["published"] is None
    assert GenerationStore(settings.home).current_id() == generation.id
    assert sum(tiny) == 240  # a close-up and a copy of each photo
    page = report.read_text(encoding="utf-8")
    assert page.count("data:image/png") == 2  # reliability and coverage; the browser draws the confusion matrix
    assert "Confusion matrix" in page
    published = json.loads(_run(settings, *options, "--publish"))
    assert sum(tiny) == 240, "a second training embeds nothing"
    live = GenerationStore(settings.home).open()
    assert live.id == published["published"] != generation.id
    live.verify()
    assert VoterOptions.from_json(live.manifest.metrics["parts"]["voters"]["options"]).augment == 1
    store = FeatureStore(settings.home, live.manifest.fingerprint, 192)
    assert store.count == 120 * 3
    backbone = Watched()
    out = settings.home / "photo.png"
    draw_shape("blue", "disc", 7).save(out)
    assert SearchEngine(settings, backbone=backbone).recognise(out.read_bytes()).labels[0].label == "disc"
    spec = backbone.spec
    looks = [
        load_input(out.read_bytes(), spec.input_size, settings, spec.preprocessing, it) for it in ("photo", "close")
    ]
    np.testing.assert_array_equal(np.concatenate(backbone.asked), looks)


def _folders(root: Path) -> Path:
    for shape in ("disc", "square", "bar"):
        (root / shape).mkdir(parents=True)
        for place, colour in enumerate(("red", "green", "blue", "gold")):
            draw_shape(colour, shape, 40 + place).save(root / shape / f"{place}.png")
    return root


def test_evaluate_on_photos_of_ones_own(
    generation: GenerationFolder, settings: Settings, tiny: list[int], tmp_path: Path
) -> None:
    root = _folders(tmp_path / "mine")
    (root / "teapot").mkdir()
    draw_shape("red", "disc").save(root / "teapot" / "0.png")
    (root / "disc" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    report = tmp_path / "report.html"
    found = json.loads(
        _run(settings, "evaluate", "recognition", "--photos", str(root), "--report", str(report), "--json")
    )
    assert found["figures"]["photos"] == 12
    assert found["figures"]["vote"]["top1"] > 0.8
    assert sorted(item["what"][-12:] for item in found["facts"]["excluded"])[0]
    assert len(found["facts"]["excluded"]) == 2
    assert np.array(found["confusion"]).sum() == 12
    held_out = json.loads(_run(settings, "evaluate", "recognition", "--json"))
    assert held_out["figures"]["photos"] == 30 or held_out["figures"]["photos"] > 10
    assert "vote" in _run(settings, "evaluate", "recognition")


def test_the_contact_sheet(generation: GenerationFolder, settings: Settings, tmp_path: Path) -> None:
    _run(settings, "train", "voters", "--preview", str(tmp_path / "sheet.png"))
    assert Image.open(tmp_path / "sheet.png").width == 800


def test_large_labels_are_capped() -> None:
    from training.photos import LabelledPhotos

    y = np.array([0] * 1700 + [1] * 5)
    photos = LabelledPhotos(label_kind="category", labels=("a", "b"), keys=keys_of(1705), y=y, products=np.arange(1705))
    assert capped(photos, 0).counts == {"a": 1000, "b": 5}
