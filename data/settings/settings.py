"""`Settings`: all settings in one frozen object, and which values they may have."""

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import SettingsError
from data.settings.spelling import nearest

BACKBONES = ("inception_v3", "xception", "efficientnet_lite2")
_MOST_JOINED = 3  # backbones: each makes every photo searched slower
TEXT_ENCODERS = ("multilingual", "minilm", "backbone")
_CHOICES: dict[str, tuple[str, ...]] = {
    "runtime": ("auto", "openvino", "keras"),
    "precision": ("auto", "f32", "bf16", "int8"),
    "device": ("auto", "cpu", "gpu"),
    "index": ("auto", "exact", "ivf", "milvus"),
    "space": ("pca", "pool3"),
}
_LEAST_SECRET = 16
_CALLBACK = re.compile(
    r"(https://[a-zA-Z0-9.-]+|https?://(127\.0\.0\.1|localhost|\[::1\]))(:[1-9]\d{0,4})?(/[!-\"$-~]*)?", re.ASCII
)
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:\d{1,5})?")
_MILVUS = re.compile(r"https?://(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+)(:[1-9]\d{0,4})?(/[A-Za-z_]\w{0,254})?", re.ASCII)
_MAX_DAYS = 36_500
# setting -> its lowest and highest value; a test checks that every number has its range here
RANGES: dict[str, tuple[float, float]] = {
    "input_size": (0, 1_024),
    "space_dim": (1, 4_096),
    "threads": (0, 1_024),
    "max_image_bytes": (1, 1_000_000_000),
    "max_pixels": (1, 16_384**2),
    "keep_generations": (1, 1_000),
    "keep_deleted_days": (0, _MAX_DAYS),
    "keep_events_days": (0, _MAX_DAYS),
    "keep_queries_days": (0, _MAX_DAYS),
    "photo_id_minutes": (0, 10_080),
    "fresh_days": (0, _MAX_DAYS),
    "train_minutes": (0, 10_080),
    "index_recall": (0.9, 0.999),
    "max_quality_drop": (0, 1),
    "max_full_feed_drop": (0, 1),
    "queue_size": (1, 100_000),
    "deadline_s": (0.001, 3_600),
    "rate_limit": (0, 1_000_000),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one run. Field `x` is set by `LOOKALIKE_X` or by `x = ...` in `$LOOKALIKE_HOME/lookalike.toml`.

    Attributes:
        home: folder that holds everything written at run time.
        backbone: CNN that computes the pool_3 features: one of `BACKBONES`, or the name of one from `train backbone` or
            `backbone add`; or two or three of them with `+` between.
        backbone_notice: why `demo` had to fall back to this backbone, shown by status and the page; empty: it had not.
        weights: `imagenet`, or the path of a `.weights.h5` file for `backbone`.
        weights_sha256: hex digest that the weights file must have; empty: not checked.
        input_size: side in pixels of the square that the backbone reads, from 96; 0: the backbone's own.
        runtime: library that runs the backbone; `auto`: OpenVINO, or Keras if `device` is gpu or OpenVINO is missing.
        precision: number format of the backbone; `auto`: bf16 if OpenVINO and the processor support it, else f32.
        device: where the index is searched; `auto`: a GPU if one passes the smoke test, else the CPU.
        index: how photos are found: `exact`; `ivf`: in lists of which the nearest are looked through; `auto`: exact
            while that takes at most 2 ms; `milvus`: in the Milvus server at `milvus_uri`.
        milvus_uri: address of that server, such as `http://127.0.0.1:19530`, with a database's name behind it where
            shops share a server; empty: none.
        milvus_token: what it asks for, `user:password` or an API key; empty: nothing.
        index_recall: share of the 10 best photos that an index in lists must find, or it is not used.
        space: product space: `pca` (whitened projection) or `pool3` (plain pool_3 features).
        space_dim: dimensions of the projected product space.
        text_encoder: `multilingual` (16 languages) or `minilm` (English), which are installed with the project;
            `backbone`: the text tower of a joint model; or the name or folder of a sentence-transformers model.
        detector: network that finds things in a photo, the name of one from `detector add`; empty: the backbone does.
        threads: processor threads for decoding photos and running the backbone; 0: all cores.
        max_image_bytes, max_pixels: upper limits for one image.
        image_roots: folders that paths in `POST /v1/products:batch` may point into.
        fetch_urls: whether images may be fetched from http(s) URLs.
        keep_generations: how many published generations are kept.
        keep_deleted_days: days for which photos and facts that products gave up are kept; 0: for ever.
        keep_events_days: days for which searches, clicks, carts and purchases are kept; 0: for ever.
        keep_queries_days: days for which events keep the words, the photo and the session of a search; 0: as long as
            the events.
        photo_id_minutes: minutes for which the server keeps a shopper's photo in memory, counted from its last use, so
            that further searches need only its `photo_id`; 0: photos are not kept.
        log_addresses: whether the server's log names the address that each request came from.
        fresh_days: a product created within this many days is a fresh product.
        models_url: folder or other fsspec address where the writer stores releases for searchers; empty: none.
        writer_url: address of the server that takes changes, to which a searcher sends them; empty: it refuses them.
        thumbs_url: folder or other fsspec address from which a searcher reads thumbnails; empty: `writer_url`.
        ray_token_file: file with the token of the Ray cluster of `rebuild --ray`; empty: `ray.token` in the home.
        ray_photos: where the workers of `rebuild --ray` read photos, as pairs `FOLDER=ADDRESS`; empty: at their paths.
        ray_shards: fsspec address of the files in which these workers hand over features; empty: `shards` in the home.
        train_minutes: minutes that a rebuild may spend on the training steps of the query embedder; 0: any time.
        max_quality_drop: largest drop in held-out quality (0..1) with which a rebuild still publishes.
        max_full_feed_drop: largest share of the products (0..1) that `import --full-feed` deletes without `--force`.
        queue_size: queries that may wait at the server before it answers 503.
        deadline_s: seconds after which a waiting query is dropped.
        page_events: whether the page tells the server which hits shoppers open, so that rebuilds learn from it.
        rate_limit: requests per minute for one key or address; 0: no limit.
        allowed_hosts: host names of this server, separated by commas, besides loopback names and addresses; `*`: any;
            empty: no others, or any while API keys are in use.
        cors_origins: origins whose pages may call the API from a browser, such as `https://shop.example`, separated by
            commas; `*`: pages of any site may search.
        frame_ancestors: origins whose pages may show the search page in a frame, separated by commas; `self`: its own.
        public_search: whether anybody may search and read products without a key though API keys are in use.
        seller_callback_url: https address at the shop's own server to which `/sell` may send what a seller offers; http
            only at loopback; empty: none.
        seller_callback_secret: text of at least 16 characters with which what is sent there is signed.
        insecure: whether the server may listen where other machines reach it though no API key exists.
    """

    home: Path = Path("var")
    backbone: str = "inception_v3"
    backbone_notice: str = ""
    weights: str = "imagenet"
    weights_sha256: str = ""
    input_size: int = 0
    runtime: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    index: str = "auto"
    milvus_uri: str = ""
    milvus_token: str = field(default="", repr=False)
    index_recall: float = 0.99
    space: str = "pca"
    space_dim: int = 256
    text_encoder: str = "multilingual"
    detector: str = ""
    threads: int = 0
    max_image_bytes: int = 10_000_000
    max_pixels: int = 40_000_000
    image_roots: tuple[Path, ...] = ()
    fetch_urls: bool = False
    keep_generations: int = 3
    keep_deleted_days: int = 30
    keep_events_days: int = 0
    keep_queries_days: int = 0
    photo_id_minutes: int = 60
    log_addresses: bool = True
    fresh_days: int = 90
    models_url: str = ""
    writer_url: str = ""
    thumbs_url: str = ""
    ray_token_file: str = ""
    ray_photos: str = ""
    ray_shards: str = ""
    train_minutes: float = 10.0
    max_quality_drop: float = 0.02
    max_full_feed_drop: float = 0.2
    queue_size: int = 128
    deadline_s: float = 10.0
    page_events: bool = True
    rate_limit: int = 0
    allowed_hosts: str = ""
    cors_origins: str = ""
    frame_ancestors: str = ""
    public_search: bool = False
    seller_callback_url: str = ""
    seller_callback_secret: str = field(default="", repr=False)
    insecure: bool = False

    @property
    def cores(self) -> int:
        """Processor threads to use: `threads`, or every core this process may run on."""
        return self.threads or len(os.sched_getaffinity(0))

    @property
    def allowed_host_names(self) -> tuple[str, ...]:
        """The names in `allowed_hosts`, in small letters."""
        return _listed(self.allowed_hosts)

    @property
    def cors_origin_names(self) -> tuple[str, ...]:
        """The origins in `cors_origins`, in small letters as browsers send them."""
        return _listed(self.cors_origins)

    @property
    def frame_ancestor_names(self) -> tuple[str, ...]:
        """The origins in `frame_ancestors`, in small letters."""
        return _listed(self.frame_ancestors)

    def replace(self, **changes: Any) -> "Settings":
        """Returns a copy with `changes` applied and checked."""
        return checked(dataclasses.replace(self, **changes))


SECRETS = frozenset(each.name for each in dataclasses.fields(Settings) if not each.repr)


def backbone_parts(name: str) -> tuple[str, ...]:
    """Returns the backbones that a name joins with `+`; of any other name, that name alone.

    Raises:
        SettingsError: it joins more than three, or one with itself.
    """
    parts = tuple(name.split("+"))
    if len(parts) > _MOST_JOINED or len(set(parts)) < len(parts):
        raise SettingsError(f"backbone must join at most {_MOST_JOINED}, each once; got {name!r:.200}.")
    return parts


def checked(settings: Settings) -> Settings:
    """Returns the settings as they are.

    Raises:
        SettingsError: a value is not one that its setting takes.
    """
    for name, choices in _CHOICES.items():
        if (chosen := getattr(settings, name)) not in choices:
            raise SettingsError(
                f"{name} must be one of {', '.join(choices)}; got {chosen!r}.{nearest(chosen, choices)}"
            )
    for name, (least, most) in RANGES.items():
        if not least <= getattr(settings, name) <= most:
            raise SettingsError(f"{name} must be from {least:,} to {most:,}; got {getattr(settings, name)}.")
    for name in settings.allowed_host_names:
        if not re.fullmatch(r"\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
            raise SettingsError(f"allowed_hosts must be host names without ports, separated by commas; got {name!r}.")
    _check_origins("cors_origins", settings.cors_origin_names, besides="*")
    _check_origins("frame_ancestors", settings.frame_ancestor_names, besides="self")
    if settings.seller_callback_url:
        _check_callback(settings.seller_callback_url, settings.seller_callback_secret)
    if settings.milvus_uri and not _MILVUS.fullmatch(settings.milvus_uri):
        raise SettingsError(
            f"milvus_uri must be an address such as http://127.0.0.1:19530, perhaps with /DATABASE; "
            f"got {settings.milvus_uri!r}."
        )
    if settings.index == "milvus" and not settings.milvus_uri:
        raise SettingsError("milvus_uri must be the server's address beside index = milvus; got none.")
    if settings.writer_url and not _ORIGIN.fullmatch(settings.writer_url):
        raise SettingsError(
            f"writer_url must be an address such as https://shop.example:8080, without a path; got "
            f"{settings.writer_url!r}."
        )
    if settings.weights_sha256 and not re.fullmatch("[0-9a-f]{64}", settings.weights_sha256):
        raise SettingsError(f"weights_sha256 must be 64 lower-case hex digits; got {settings.weights_sha256!r}.")
    if settings.weights != "imagenet" and not settings.weights.endswith(".h5"):
        raise SettingsError(f"weights must be imagenet, or the path of a .weights.h5 file; got {settings.weights!r}.")
    return settings


def _check_callback(url: str, secret: str) -> None:
    if not _CALLBACK.fullmatch(url):
        raise SettingsError(
            f"seller_callback_url must be an https address such as https://shop.example/offers, or an http one of "
            f"127.0.0.1, [::1] or localhost; got {url!r}."
        )
    if len(secret) < _LEAST_SECRET:
        raise SettingsError(
            f"seller_callback_secret must have at least {_LEAST_SECRET} characters beside seller_callback_url; "
            f"got {len(secret)}. Make one with `openssl rand -hex 32`."
        )


def _check_origins(name: str, origins: tuple[str, ...], *, besides: str) -> None:
    for origin in origins:
        if origin != besides and not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"{name} must be origins such as https://shop.example, without a path or a slash at their end, or "
                f"{besides}, separated by commas; got {origin!r}."
            )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.lower().replace(",", " ").split())
