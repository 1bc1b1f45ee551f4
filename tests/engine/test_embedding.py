import io
import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image
from tiny_backbone import TinyBackbone

from data.errors import DecoderBusy, InvalidImage, LookalikeError
from data.settings import Settings
from engine.backbones import PREPROCESSING, embed_photos, embedding, load_input
from engine.protocols import Floats


def jpeg(value: int, size: tuple[int, int] = (64, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (value % 256, value // 256, 100)).save(out, "PNG")
    return out.getvalue()


class Collected:
    def __init__(self) -> None:
        self.rows: dict[str, Floats] = {}
        self.errors: dict[str, LookalikeError] = {}
        self.threads: set[int] = set()
        self.largest = 0

    def on_batch(self, keys: list[str], rows: Floats) -> None:
        assert len(keys) == len(rows)
        assert not set(keys) & set(self.rows)
        self.threads.add(threading.get_ident())
        self.largest = max(self.largest, len(keys))
        self.rows.update(zip(keys, rows, strict=True))

    def on_error(self, key: str, error: LookalikeError) -> None:
        self.threads.add(threading.get_ident())
        self.errors[key] = error


def test_every_photo_gets_the_row_it_gets_alone(settings: Settings) -> None:
    photos = {f"p{number}": jpeg(number) for number in range(150)}
    got = Collected()
    assert embed_photos(TinyBackbone(), list(photos), photos.__getitem__, settings, got.on_batch, got.on_error) == 150
    assert got.errors == {}
    for key, content in photos.items():
        alone = TinyBackbone().embed(load_input(content, 64, settings, PREPROCESSING)[None])[0]
        assert np.array_equal(got.rows[key], alone)


@examples(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["good", "bad", "gone", "refused"]), max_size=90), st.integers(1, 3))
def test_each_photo_is_embedded_or_reported_exactly_once(settings: Settings, kinds: list[str], parallel: int) -> None:
    def read(key: str) -> bytes:
        kind = kinds[int(key)]
        if kind == "gone":
            raise FileNotFoundError(key)
        if kind == "refused":
            raise InvalidImage("no", code="source_changed")
        return jpeg(int(key)) if kind == "good" else b"GIF89a nonsense"

    class Parallel(TinyBackbone):
        def __init__(self) -> None:
            self.parallel = parallel

    backbone = Parallel()
    got = Collected()
    keys = [str(number) for number in range(len(kinds))]
    count = embed_photos(backbone, keys, read, settings, got.on_batch, got.on_error)
    good = {key for key in keys if kinds[int(key)] == "good"}
    assert set(got.rows) == good
    assert set(got.errors) == set(keys) - good
    assert count == len(good)
    codes = {kinds[int(key)]: error.code for key, error in got.errors.items()}
    assert codes.get("gone", "unreadable_image") == "unreadable_image"
    assert codes.get("refused", "source_changed") == "source_changed"


def test_results_and_errors_come_to_the_calling_thread_in_bounded_batches(settings: Settings) -> None:
    got = Collected()
    keys = [str(number) for number in range(100)]
    embed_photos(
        TinyBackbone(), keys, lambda key: jpeg(int(key)) if key != "7" else b"", settings, got.on_batch, got.on_error
    )
    assert got.threads == {threading.get_ident()}
    assert got.largest <= 32


def test_batches_are_handed_out_in_the_order_of_their_photos(settings: Settings) -> None:
    keys = [str(number) for number in range(400)]
    handed: list[str] = []

    def write_slowly(batch: list[str], _: Floats) -> None:
        time.sleep(0.03)  # so that the network finishes several batches meanwhile
        handed.extend(batch)

    embed_photos(TinyBackbone(), keys, lambda key: jpeg(int(key)), settings, write_slowly, Collected().on_error)
    assert handed == keys


def test_a_photo_for_which_the_machine_was_too_busy_is_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: Counter[bytes] = Counter()

    def decode(content: bytes, *args: Any, **kwargs: Any) -> Any:
        times[content] += 1
        if times[content] <= int(content):
            raise DecoderBusy("the machine is too busy.")
        return np.full((80, 80, 3), 33, np.uint8)

    monkeypatch.setattr(embedding, "decode_within_borders", decode)
    got = Collected()
    photos = {"good": b"0", "late": b"1", "never": b"9"}
    embed_photos(TinyBackbone(), list(photos), photos.__getitem__, settings, got.on_batch, got.on_error)
    assert (sorted(got.rows), list(got.errors)) == (["good", "late"], ["never"])


def test_decoded_pixels_are_taken_as_they_are(settings: Settings) -> None:
    pixels = np.full((80, 80, 3), 33, np.uint8)
    got = Collected()
    embed_photos(TinyBackbone(), ["a"], lambda key: pixels, settings, got.on_batch, got.on_error)
    assert got.rows["a"] == pytest.approx(33 / 255)


def test_memory_does_not_grow_with_the_catalogue(settings: Settings) -> None:
    read, embedded, most = 0, 0, 0
    lock = threading.Lock()
    pixels = np.zeros((64, 64, 3), np.uint8)

    def count_read(key: str) -> np.ndarray:
        nonlocal read, most
        with lock:
            read += 1
            most = max(most, read - embedded)
        return pixels

    class Slow(TinyBackbone):
        def embed(self, images: np.ndarray) -> Floats:
            nonlocal embedded
            rows = super().embed(images)
            with lock:
                embedded += len(images)
            return rows

    got = Collected()
    embed_photos(Slow(), [str(n) for n in range(3000)], count_read, settings, got.on_batch, got.on_error)
    assert len(got.rows) == 3000
    assert most <= 32 * 9


@pytest.mark.parametrize("where", ["on_batch", "on_error", "embed", "read"])
def test_a_defect_stops_the_work_and_is_seen(settings: Settings, where: str) -> None:
    class Defect(Exception):
        pass

    def fail(*_: object) -> None:
        raise Defect

    def read(key: str) -> bytes:
        if where == "read":
            raise Defect
        return b"" if where == "on_error" else jpeg(1)

    class Broken(TinyBackbone):
        def embed(self, images: np.ndarray) -> Floats:
            if where == "embed":
                raise Defect
            return super().embed(images)

    got = Collected()
    before = threading.active_count()
    with pytest.raises(Defect):
        embed_photos(
            Broken(),
            [str(n) for n in range(200)],
            read,
            settings,
            fail if where == "on_batch" else got.on_batch,
            fail if where == "on_error" else got.on_error,
        )
    assert threading.active_count() == before


def test_the_network_runs_while_later_photos_are_decoded(settings: Settings) -> None:
    decoded_during_network = threading.Event()
    in_network = threading.Event()

    def read(key: str) -> bytes:
        if in_network.is_set():
            decoded_during_network.set()
        return jpeg(int(key))

    class Waiting(TinyBackbone):
        def embed(self, images: np.ndarray) -> Floats:
            in_network.set()
            assert decoded_during_network.wait(10)
            return super().embed(images)

    got = Collected()
    keys = [str(n) for n in range(400)]
    started = time.monotonic()
    assert embed_photos(Waiting(), keys, read, settings, got.on_batch, got.on_error) == 400
    assert time.monotonic() - started < 10


def test_nothing_to_do_is_no_work(settings: Settings) -> None:
    got = Collected()
    assert embed_photos(TinyBackbone(), [], lambda key: b"", settings, got.on_batch, got.on_error) == 0
    assert got.rows == {}
