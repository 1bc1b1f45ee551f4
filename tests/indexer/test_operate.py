"""What an operator sees: status, doctor and rollback, as values and as commands."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from findings import levels
from shape_catalogue import PHOTOS_EACH, draw_catalogue
from small_generations import FIELDS
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue, Product
from data.generations import REBUILD_LOCK, GenerationFolder, GenerationStore
from data.rebuilds import last_rebuild
from data.settings import Settings
from data.storage import exclusive
from engine import backbones
from engine.errors import BackboneUnavailable, InvalidModel
from engine.rollback import roll_back
from engine.text import HEAD_FILE, TextHead, publish_encoder, staged_encoder
from indexer.cli import doctor_command, rebuild_command, rollback_command, status_command
from indexer.operating import describe_status, examine, status
from indexer.operating.finding import FAIL, OK, WARN
from indexer.rebuild import rebuild

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(settings: Settings, tiny: None) -> Invoke:
    return lambda command, *arguments: CliRunner().invoke(command, arguments, obj=settings)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_status_works_before_anything_was_published(settings: Settings) -> None:
    facts = status(settings)
    assert facts["live"] is None
    assert facts["generations"] == []
    assert facts["last_import"] is None
    assert facts["last_rebuild"] is None
    assert "lookalike rebuild" in describe_status(facts)
    json.dumps(facts)


def test_status_says_what_is_live(generation: GenerationFolder, settings: Settings) -> None:
    facts = status(settings)
    assert facts["live"]["generation"] == generation.id
    assert facts["live"]["counts"]["images"] == 24 * PHOTOS_EACH
    assert facts["live"]["age_s"] >= 0
    assert facts["live"]["backbone"] == "tiny"
    assert facts["pending"] == 0
    assert facts["last_import"]["counts"]["created"] == 24
    assert facts["last_rebuild"]["generation"] == generation.id
    assert facts["rebuilding"] is None
    assert [(fact["live"], fact["damaged"]) for fact in facts["generations"]] == [(True, "")]
    text = describe_status(facts)
    assert generation.id in text
    assert text.count("\nrecognition ") == 1
    assert "24 products" in text
    assert ": 24 created, " in text
    assert " 0 " not in text.partition("last import")[2].partition("\n")[0]


def test_status_counts_what_changed_since(generation: GenerationFolder, settings: Settings) -> None:
    Catalogue(settings.home).delete("red-disc")
    Catalogue(settings.home).upsert(Product(product_id="new"), [])
    assert status(settings)["pending"] == 2


def test_status_flags_damaged_generations(generation: GenerationFolder, settings: Settings) -> None:
    newer = rebuild(settings, backbone=TinyBackbone()).generation
    flip(generation.folder / "rows.npz")
    flagged = {fact["generation"]: fact["damaged"] for fact in status(settings)["generations"]}
    assert flagged[newer] == ""
    assert "rows.npz" in flagged[generation.id]
    flip(GenerationStore(settings.home).open().folder / "manifest.json")
    facts = status(settings)
    assert facts["live"] is None
    assert "manifest.json" in facts["problem"]
    assert "DAMAGED" in describe_status(facts)


def test_status_names_a_running_rebuild(settings: Settings) -> None:
    with exclusive(settings.home / REBUILD_LOCK, "rebuild"):
        assert "rebuild since" in status(settings)["rebuilding"]


def test_a_damaged_memory_of_the_last_rebuild_is_no_failure(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "last_rebuild.json").write_text("{")
    assert last_rebuild(settings.home) is None


def test_doctor_finds_nothing_wrong(generation: GenerationFolder, settings: Settings, tiny: None) -> None:
    found = examine(settings)
    assert {subject for subject, level in levels(found).items() if level == FAIL} == set()
    assert {"python", "packages", "backbone", "runtime", "index", "disk", "database", "generations"} <= {
        finding.subject for finding in found if finding.level == OK
    }
    assert all(finding.advice for finding in found if finding.level != OK)


def test_doctor_works_on_an_empty_home_and_makes_none(settings: Settings, tiny: None) -> None:
    assert levels(examine(settings))["generations"] == WARN
    assert not (settings.home / "catalog.db").exists()


def test_doctor_warns_of_a_low_limit_of_open_files(
    settings: Settings, tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, level in ((1024, WARN), (65_536, OK)):
        monkeypatch.setattr("indexer.operating.doctor.descriptor_limit", lambda limit=limit: limit)
        assert levels(examine(settings))["open files"] == level


def test_doctor_names_the_ways_out_where_weights_lack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(_: Settings) -> None:
        raise BackboneUnavailable("inception_v3 needs its weights. Three ways out: ...")

    monkeypatch.setattr(backbones, "resolve_spec", unavailable)
    found = examine(settings)
    assert levels(found)["backbone"] == FAIL
    assert "Three ways out" in next(finding.detail for finding in found if finding.subject == "backbone")


def test_doctor_fails_on_a_damaged_live_file_and_warns_of_an_old_one(
    generation: GenerationFolder, settings: Settings, tiny: None
) -> None:
    rebuild(settings, backbone=TinyBackbone())
    flip(generation.folder / "index.faiss")
    assert levels(examine(settings))["generations"] == WARN
    flip(GenerationStore(settings.home).open().folder / "index.faiss")
    found = [finding for finding in examine(settings) if finding.level == FAIL]
    assert "index.faiss" in found[0].detail
    assert "rollback" in found[0].advice


def use_tuned_encoder(settings: Settings, generation: GenerationFolder) -> Path:
    """Publishes an encoder, and the generation again with a text head that names it; returns the encoder's folder."""
    with staged_encoder(settings.home) as staged_model:
        (staged_model / "model.safetensors").write_bytes(b"weights")
        name = publish_encoder(settings.home, staged_model, "0123456789abcdef" * 4, {"key": "k"})
    store = GenerationStore(settings.home)
    staged = store.stage()
    for file in generation.manifest.files:
        shutil.copyfile(generation.path(file), staged.folder / file)
    replace(TextHead.load(generation.path(HEAD_FILE)), encoder_name=name).save(staged.folder)
    store.publish(staged, **{field: getattr(generation.manifest, field) for field in FIELDS})
    return settings.home / name


def said_of_encoder(settings: Settings) -> list[str]:
    return [str(finding) for finding in examine(settings) if finding.subject == "tuned encoder"]


def test_doctor_checks_the_encoder_that_was_tuned_for_the_live_generation(
    generation: GenerationFolder, settings: Settings, tiny: None
) -> None:
    assert said_of_encoder(settings) == [], "the encoder that is installed with the project was not tuned"
    folder = use_tuned_encoder(settings, generation)
    assert said_of_encoder(settings) == ["OK   tuned encoder encoders/0123456789abcdef, every file as published"]
    way_out = "the live generation needs it to search by words -> lookalike rebuild, or lookalike rollback"
    flip(folder / "model.safetensors")
    assert said_of_encoder(settings) == [f"FAIL tuned encoder encoders/0123456789abcdef is damaged; {way_out}"]
    flip(folder / "model.safetensors")
    assert levels(examine(settings))["tuned encoder"] == OK
    shutil.rmtree(folder)
    assert said_of_encoder(settings) == [f"FAIL tuned encoder encoders/0123456789abcdef is missing; {way_out}"]
    GenerationStore(settings.home).rollback()
    assert said_of_encoder(settings) == []


def test_a_generation_whose_encoder_was_lost_is_not_rolled_back_to(
    generation: GenerationFolder, settings: Settings, tiny: None
) -> None:
    folder = use_tuned_encoder(settings, generation)
    tuned = GenerationStore(settings.home).open().id
    roll_back(settings)
    assert roll_back(settings, tuned) == tuned
    roll_back(settings)
    shutil.rmtree(folder)
    with pytest.raises(InvalidModel, match="encoders/0123456789abcdef is missing"):
        roll_back(settings, tuned)
    assert GenerationStore(settings.home).open().id == generation.id


def test_a_rebuild_trains_anew_where_the_encoder_was_lost(
    generation: GenerationFolder, settings: Settings, tiny: None
) -> None:
    shutil.rmtree(use_tuned_encoder(settings, generation))
    assert not rebuild(settings, backbone=TinyBackbone()).unchanged
    assert levels(examine(settings))["generations"] == OK
    assert said_of_encoder(settings) == []
    assert rebuild(settings, backbone=TinyBackbone()).unchanged


def test_doctor_names_a_damaged_text_head_once(generation: GenerationFolder, settings: Settings, tiny: None) -> None:
    use_tuned_encoder(settings, generation)
    flip(GenerationStore(settings.home).open().folder / HEAD_FILE)
    found = [finding for finding in examine(settings) if HEAD_FILE in finding.detail]
    assert [(finding.level, finding.subject) for finding in found] == [(FAIL, "generations")]
    assert said_of_encoder(settings) == []


def test_doctor_sees_missing_features_and_sources(settings: Settings, tiny: None) -> None:
    from indexer.importing import import_feed

    feed = draw_catalogue(settings.home.parent / "feed", texts=False)
    lines = feed.read_text(encoding="utf-8").splitlines()
    feed.write_text("\n".join(lines[1:]))
    import_feed(settings, feed)
    rebuild(settings, backbone=TinyBackbone())
    feed.write_text("\n".join(lines))
    import_feed(settings, feed)
    for photo in feed.parent.glob("blue-*.png"):
        photo.unlink()
    found = examine(settings)
    assert levels(found)["features"] == WARN
    assert f"{PHOTOS_EACH} photos" in next(finding.detail for finding in found if finding.subject == "features")
    assert "cannot be used" in next(finding.detail for finding in found if finding.subject == "sources")


def test_doctor_says_that_the_last_rebuild_was_refused(settings: Settings, invoke: Invoke) -> None:
    Catalogue(settings.home)
    assert invoke(rebuild_command, "--json").exit_code == 1
    found = [finding for finding in examine(settings) if finding.subject == "rebuild"]
    assert [finding.level for finding in found] == [WARN]
    assert "lookalike import" in found[0].detail


def test_the_doctor_command_exits_1_on_a_failure_only(
    generation: GenerationFolder, settings: Settings, invoke: Invoke
) -> None:
    healthy = invoke(doctor_command, "--json")
    assert healthy.exit_code == 0, healthy.output
    assert json.loads(healthy.output)["ok"] is True
    flip(generation.folder / "manifest.json")
    ill = invoke(doctor_command)
    assert ill.exit_code == 1
    assert any(line.startswith("FAIL generations") for line in ill.output.splitlines())


def test_the_status_command_speaks_json_and_text(generation: GenerationFolder, invoke: Invoke) -> None:
    assert json.loads(invoke(status_command, "--json").output)["live"]["generation"] == generation.id
    assert generation.id in invoke(status_command).output


def test_the_rollback_command_goes_back_and_refuses_what_is_not_there(
    generation: GenerationFolder, settings: Settings, invoke: Invoke
) -> None:
    newer = rebuild(settings, backbone=TinyBackbone()).generation
    assert generation.id in invoke(rollback_command).output
    assert GenerationStore(settings.home).current_id() == generation.id
    assert json.loads(invoke(rollback_command, newer or "", "--json").output) == {"generation": newer}
    assert invoke(rollback_command, "../../etc").exit_code == 1
    flip(generation.folder / "rows.npz")
    assert invoke(rollback_command).exit_code == 1
    assert GenerationStore(settings.home).current_id() == newer


def test_the_rebuild_command_tells_people_or_programs(generation: GenerationFolder, invoke: Invoke) -> None:
    done = invoke(rebuild_command)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "is live" in lines[0]
    assert len(lines) <= 10
    asked = invoke(rebuild_command, "--json")
    assert json.loads(asked.stdout)["published"] is True
