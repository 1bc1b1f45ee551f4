"""Settings: their order of precedence, and what bad values say."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from data.errors import SettingsError
from data.settings import RANGES, Settings, load_settings, write_setting


def load(home: Path, environment: dict[str, str] | None = None, **flags: Any) -> Settings:
    return load_settings({"LOOKALIKE_HOME": str(home), **(environment or {})}, **flags)


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    (tmp_path / "lookalike.toml").write_text("threads = 1\nspace_dim = 11\nqueue_size = 12\n")
    settings = load(tmp_path, {"LOOKALIKE_THREADS": "2", "LOOKALIKE_SPACE_DIM": "22"}, threads=3, rate_limit=None)
    assert (settings.threads, settings.space_dim, settings.queue_size, settings.rate_limit) == (3, 22, 12, 0)


def test_home_is_absolute_and_a_flag_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({}).home == tmp_path / "var"
    assert load_settings({"LOOKALIKE_HOME": "a"}, home=Path("b")).home == tmp_path / "b"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "lookalike.toml").write_text('home = "elsewhere"\nthreads = 4\n')
    assert load(Path("b")).home == tmp_path / "b"
    assert load(Path("b")).threads == 4


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("fetch_urls", "TRUE", True),
        ("fetch_urls", "0", False),
        ("deadline_s", "2.5", 2.5),
        ("max_pixels", "100", 100),
        ("image_roots", f"/a{os.pathsep}/b", (Path("/a"), Path("/b"))),
        ("image_roots", "", ()),
        ("weights", "/w.h5", "/w.h5"),
    ],
)
def test_environment_values_get_their_type(tmp_path: Path, name: str, text: str, expected: object) -> None:
    value = getattr(load(tmp_path, {f"LOOKALIKE_{name.upper()}": text}), name)
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("threads", "many"),
        ("threads", "-1"),
        ("threads", "1.5"),
        ("deadline_s", "nan"),
        ("deadline_s", "inf"),
        ("deadline_s", "0"),
        ("fetch_urls", "maybe"),
        ("device", "tpu"),
        ("precision", "f16"),
        ("space_dim", "0"),
        ("max_quality_drop", "1.5"),
        ("weights_sha256", "abc"),
        ("rate_limit", "-5"),
        ("threads", "5000"),
        ("deadline_s", "3601.5"),
        ("queue_size", "10000000000000000000000"),
        ("photo_id_minutes", "-1"),
        ("weights", "imagnet"),
    ],
)
def test_bad_environment_values_name_key_and_value(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name.upper() + "|" + name) as raised:
        load(tmp_path, {f"LOOKALIKE_{name.upper()}": text})
    assert text in str(raised.value)


def test_every_number_has_a_range_that_holds_its_default() -> None:
    assert {field.name for field in dataclasses.fields(Settings) if field.type in (int, float)} == set(RANGES)
    assert [name for name, (least, most) in RANGES.items() if not least <= getattr(Settings(), name) <= most] == []


def test_what_kubernetes_says_of_a_service_named_lookalike_is_no_setting(tmp_path: Path) -> None:
    given = {
        "LOOKALIKE_SERVICE_HOST": "10.0.0.7", "LOOKALIKE_SERVICE_PORT": "8080", "LOOKALIKE_SERVICE_PORT_HTTP": "8080",
        "LOOKALIKE_PORT": "tcp://10.0.0.7:8080", "LOOKALIKE_PORT_8080_TCP": "tcp://10.0.0.7:8080",
        "LOOKALIKE_PORT_8080_TCP_ADDR": "10.0.0.7",
    }  # fmt: skip
    assert load_settings(given, home=tmp_path) == load_settings({}, home=tmp_path)
    with pytest.raises(SettingsError):
        load_settings({"LOOKALIKE_PORTS": "1"}, home=tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "near"),
    [
        ("LOOKALIKE_THREDS", "3", "LOOKALIKE_THREADS"),
        ("LOOKALIKE_TEXTENCODER", "minilm", "LOOKALIKE_TEXT_ENCODER"),
        ("LOOKALIKE_BACKBONE", "inception", "inception_v3"),
        ("LOOKALIKE_BACKBONE", "efficientnet-lite2", "efficientnet_lite2"),
        ("LOOKALIKE_BACKBONE", "resnet50", "xception"),
        ("LOOKALIKE_TEXT_ENCODER", "multilngual", "multilingual"),
        ("LOOKALIKE_DEVICE", "CPU", "cpu"),
        ("LOOKALIKE_X", "1", "README"),
    ],
)
def test_what_there_is_not_is_refused_with_the_nearest_right_one(
    tmp_path: Path, variable: str, value: str, near: str
) -> None:
    with pytest.raises(SettingsError, match=near) as raised:
        load(tmp_path, {variable: value})
    assert variable in str(raised.value) or value in str(raised.value)


def test_a_fine_tuned_backbone_of_this_home_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="train backbone"):
        load(tmp_path, backbone="shop")
    (tmp_path / "backbones" / "shop").mkdir(parents=True)
    (tmp_path / "backbones" / "shop" / "backbone.json").touch()
    assert load(tmp_path, backbone="shop").backbone == "shop"
    with pytest.raises(SettingsError, match="Did you mean shop"):
        load(tmp_path, backbone="shopp")


def test_a_text_encoder_may_be_a_model_or_a_folder(tmp_path: Path) -> None:
    for name in ("sentence-transformers/LaBSE", "all-MiniLM-L6-v2", str(tmp_path)):
        assert load(tmp_path, text_encoder=name).text_encoder == name


@pytest.mark.parametrize(
    "line",
    [
        "thread = 3",
        "threads = true",
        "threads = 2.7",
        "threads = inf",
        "fetch_urls = 3",
        "weights = 5",
        "image_roots = 5",
        "image_roots = [5]",
        "deadline_s = true",
        'deadline_s = "soon"',
        "threads =",
        "[table]",
    ],
)
def test_bad_file_values_name_the_file(tmp_path: Path, line: str) -> None:
    (tmp_path / "lookalike.toml").write_text(line + "\n")
    with pytest.raises(SettingsError, match=r"lookalike\.toml"):
        load(tmp_path)


def test_file_that_is_no_utf8_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "lookalike.toml").write_bytes(b"weights = '\xff'")
    with pytest.raises(SettingsError, match="UTF-8"):
        load(tmp_path)
    (tmp_path / "lookalike.toml").unlink()
    (tmp_path / "lookalike.toml").mkdir()
    with pytest.raises(SettingsError, match="readable"):
        load(tmp_path)


def test_unknown_flag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nonsense"):
        load(tmp_path, nonsense=3)


def test_replace_checks_and_settings_are_frozen(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.replace(space="pool3").space == "pool3"
    with pytest.raises(SettingsError, match="space"):
        settings.replace(space="fourier")
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.space = "pool3"  # type: ignore[misc]


def test_cores_default_to_those_this_process_may_use() -> None:
    assert Settings().cores == len(os.sched_getaffinity(0))
    assert Settings(threads=3).cores == 3


def test_write_setting_replaces_one_line_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "lookalike.toml").write_text('# mine\nbackbone = "xception"\nthreads = 2\n')
    write_setting(tmp_path, "backbone", "efficientnet_lite2")
    text = (tmp_path / "lookalike.toml").read_text()
    assert text.startswith("# mine\n")
    settings = load(tmp_path)
    assert (settings.backbone, settings.threads) == ("efficientnet_lite2", 2)
    assert text.count("backbone") == 1


@pytest.mark.parametrize("value", ['say "hi"', "back\\slash", "line\nbreak", "\x7f", "한글 😀", "a = b", ""])
def test_written_text_reads_back_as_it_was(tmp_path: Path, value: str) -> None:
    write_setting(tmp_path, "backbone_notice", value)
    assert load(tmp_path).backbone_notice == value


@pytest.mark.parametrize(("name", "value"), [("threads", "3"), ("nonsense", "3"), ("device", "tpu")])
def test_write_setting_refuses_what_could_not_be_read(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        write_setting(tmp_path, name, value)
    assert not (tmp_path / "lookalike.toml").exists()


def test_a_settings_file_that_is_huge_a_pipe_or_deep_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lookalike.toml"
    with path.open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(SettingsError, match="at most"):
        load_settings({}, home=tmp_path)
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(SettingsError, match=r"lookalike\.toml"):
        load_settings({}, home=tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="plain file"):
        load_settings({}, home=tmp_path)


@pytest.mark.parametrize("name", ["http://shop.example", "shop.example:80", "a b/c", "ünï.example", "*.example"])
def test_allowed_hosts_are_names(name: str) -> None:
    with pytest.raises(SettingsError, match="allowed_hosts"):
        load_settings({"LOOKALIKE_ALLOWED_HOSTS": name})
    assert load_settings({"LOOKALIKE_ALLOWED_HOSTS": "Shop.example, b"}).allowed_host_names == ("shop.example", "b")


@pytest.mark.parametrize("name", ["cors_origins", "frame_ancestors"])
@pytest.mark.parametrize(
    "origin", ["shop.example", "https://shop.example/", "https://*.shop.example", "null", "ftp://x"]
)
def test_origins_are_scheme_host_and_port(name: str, origin: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be origins such as https://shop.example"):
        load_settings({f"LOOKALIKE_{name.upper()}": origin})


@pytest.mark.parametrize(
    "url", ["http://shop.example/x", "https://user@shop.example/", "ftp://shop.example", "http://10.0.0.1/", "https://",
            "http://localhost.evil.example/", "https://shop.example/a b", "http://[::2]/"]
)  # fmt: skip
def test_offers_go_only_where_nobody_listens_in(url: str) -> None:
    with pytest.raises(SettingsError, match="seller_callback_url must be an https address"):
        load_settings(seller_callback_url=url, seller_callback_secret="x" * 16)


@pytest.mark.parametrize(
    "url", ["https://shop.example/offers?a=1", "http://127.0.0.1:8000/x", "http://[::1]", "http://localhost/"]
)
def test_offers_are_signed_with_a_secret_that_is_never_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="seller_callback_secret must have at least 16 characters"):
        load_settings(seller_callback_url=url, seller_callback_secret="short")
    assert "x" * 16 not in repr(load_settings(seller_callback_url=url, seller_callback_secret="x" * 16))


def test_origins_are_listed_in_small_letters() -> None:
    settings = load_settings(
        {"LOOKALIKE_CORS_ORIGINS": "*", "LOOKALIKE_FRAME_ANCESTORS": "self, HTTPS://Shop.example:8443"}
    )
    assert settings.cors_origin_names == ("*",)
    assert settings.frame_ancestor_names == ("self", "https://shop.example:8443")
