"""The pool of decoder processes: the same pixels, limits that hold, and nothing lost but the one photo."""

import hashlib
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hostile_photos as hostile
import image_corpus as corpus
import numpy as np
import pytest
from PIL import Image

from data.errors import DecoderBusy, DecodersUnavailable, ImageTooLarge, InvalidImage, LookalikeError
from data.photos import decoder, decoder_process, decoders, images
from data.photos.decoder import Decoder
from data.photos.decoders import DecoderPool, decode_photo
from data.photos.messages import BrokenReply, Reply, Request, receive_reply
from data.settings import Settings

SETTINGS = Settings()
REQUEST = Request(max_image_bytes=SETTINGS.max_image_bytes, max_pixels=SETTINGS.max_pixels)
PHOTO = hostile.jpeg(900, 600)


@pytest.fixture
def pool() -> DecoderPool:
    return DecoderPool(2)


def in_process(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Makes new decoder processes run `change` first; `p` is their module."""
    code = f"import data.photos.decoder_process as p\n{change}\nmain()\n"
    monkeypatch.setattr(decoder, "_MAIN", decoder._MAIN.replace("main()\n", code))


@pytest.mark.parametrize("name", [name for name in corpus.good() if name != "more pixels than said"])
@pytest.mark.parametrize("target", [None, 32])
def test_the_pixels_are_those_of_the_decoder_itself(name: str, target: int | None) -> None:
    content = corpus.good()[name]
    here, there = images.decode_photo(content, SETTINGS, target=target), decode_photo(content, SETTINGS, target=target)
    assert (here.pixels == there.pixels).all()
    assert (here.width, here.height) == (there.width, there.height)
    assert not there.pixels.flags.writeable


@pytest.mark.parametrize("name", corpus.bad())
def test_the_refusals_are_those_of_the_decoder_itself(name: str) -> None:
    content = corpus.bad()[name][0]
    caught: list[LookalikeError] = []
    for decode in (images.decode_photo, decode_photo):
        with pytest.raises(InvalidImage) as error:
            decode(content, SETTINGS)
        caught.append(error.value)
    here, there = caught
    assert (type(here), here.code, str(here)) == (type(there), there.code, str(there))


def test_a_part_and_a_shrunk_copy() -> None:
    whole = images.decode_photo(PHOTO, SETTINGS)
    part = decode_photo(PHOTO, SETTINGS, crop=(100, 50, 300, 10**30))
    assert (part.pixels == whole.pixels[50:, 100:300]).all()
    assert (part.width, part.height) == (900, 600)
    assert decode_photo(PHOTO, SETTINGS, crop=(2_000, 0, 3_000, 10)).pixels.size == 0
    small = Image.fromarray(whole.pixels)
    small.thumbnail((320, 320), Image.Resampling.HAMMING)
    assert (decode_photo(PHOTO, SETTINGS, fit=320).pixels == np.asarray(small)).all()


@pytest.mark.parametrize("name", hostile.too_complex())
def test_photos_that_are_too_complex_never_reach_a_decoder(name: str, pool: DecoderPool) -> None:
    with pytest.raises(InvalidImage, match="at most") as refused:
        pool.decode(REQUEST, hostile.too_complex()[name])
    assert refused.value.code == "image_too_complex"
    assert not pool.pids


def test_an_unexpected_exception_is_one_refused_photo_and_is_logged_once(
    pool: DecoderPool, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with pytest.raises(InvalidImage) as refused:
            pool.decode(REQUEST, hostile.palette_without_colours())
        assert refused.value.code == "undecodable_image"
    assert pool.outcomes["defect"] == 3
    assert len(pool.pids) == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "AssertionError at Image.py" in caplog.text


def test_a_photo_that_takes_too_long_is_refused_and_not_tried_again(
    pool: DecoderPool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_process(monkeypatch, "p.CPU_S = 0.2")
    content = hostile.with_scans(50, width=8_000, height=5_000)  # within every cap, and about 2 s of work
    for _ in range(2):
        with pytest.raises(InvalidImage, match=r"more than 2\.5 s") as refused:
            pool.decode(REQUEST, content)
        assert refused.value.code == "image_too_complex"
    assert pool.outcomes == {"time": 1}
    assert hashlib.sha256(content).hexdigest() in caplog.text
    assert pool.decode(REQUEST, PHOTO).width == 900


def test_more_memory_than_allowed_is_one_refused_photo(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    in_process(monkeypatch, "p._BASE_BYTES = 1")
    request = Request(max_image_bytes=10**7, max_pixels=2_000)  # 48 kB above what the process has
    with pytest.raises(InvalidImage):
        pool.decode(request, corpus.encoded(Image.fromarray(corpus.noise(4_000, 3_000)), "JPEG", quality=10))


def test_a_process_that_crashes_costs_one_photo(pool: DecoderPool) -> None:
    pool.decode(REQUEST, PHOTO)
    os.kill(pool.pids[0], signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(InvalidImage, match="crashes") as refused:
            pool.decode(REQUEST, PHOTO)
        assert refused.value.code == "undecodable_image"
    other = hostile.jpeg(901, 600)
    assert pool.decode(REQUEST, other).width == 901
    assert pool.outcomes == {"photo": 2, "crash": 1}


def test_a_process_whose_parent_is_gone_ends_without_a_word() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        command, environment = decoder._command(), decoder._environment()
        process = subprocess.Popen(command, stdin=theirs.fileno(), stderr=subprocess.PIPE, env=environment)
    ours.recv(1)  # it is ready; what is left unread makes the end of the connection a reset
    ours.close()
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0


def test_ctrl_c_in_a_terminal_goes_to_the_parent_alone() -> None:
    process = Decoder()
    try:
        assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    finally:
        process.kill()


def test_only_so_many_refused_photos_are_remembered(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "_REMEMBERED", 2)
    contents = [hostile.jpeg(900, 600 + number) for number in range(3)]
    pool.decode(REQUEST, PHOTO)
    for content in contents:
        os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(InvalidImage, match="crashes"):
            pool.decode(REQUEST, content)
        pool.decode(REQUEST, hostile.jpeg(300, 200))
    assert pool.decode(REQUEST, contents[0]).height == 600
    with pytest.raises(InvalidImage, match="crashes"):
        pool.decode(REQUEST, contents[2])


def test_a_busy_machine_is_not_the_photos_fault(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.decode(REQUEST, PHOTO)
    os.kill(pool.pids[0], signal.SIGSTOP)
    monkeypatch.setattr(decoder, "_PATIENCE", 0.05)
    with pytest.raises(DecoderBusy):
        pool.decode(REQUEST, PHOTO)
    monkeypatch.undo()
    assert pool.decode(REQUEST, PHOTO).width == 900


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_for_the_whole_group_do_not_end_a_photo(pool: DecoderPool, number: int) -> None:
    pool.decode(REQUEST, PHOTO)
    pid = pool.pids[0]
    os.kill(pid, number)
    assert pool.decode(REQUEST, PHOTO).width == 900
    assert pool.pids == [pid]


def test_threads_share_the_processes(pool: DecoderPool) -> None:
    sizes = [(300 + number, 200) for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        photos = list(threads.map(lambda size: pool.decode(REQUEST, hostile.jpeg(*size)), sizes))
    assert [(photo.width, photo.height) for photo in photos] == sizes
    assert 1 <= len(pool.pids) <= 2


def test_pixels_decoded_at_once_are_bounded_and_first_come_is_first_served() -> None:
    budget, order, entered = decoders._Budget(100), list[int](), threading.Event()

    def take(number: int, wish: int) -> None:
        with budget.taken(wish):
            order.append(number)

    with budget.taken(60):
        large = threading.Thread(target=take, args=(1, 1_000))
        large.start()
        while not budget._turn.locked():
            entered.wait(0.001)
        small = threading.Thread(target=take, args=(2, 10))
        small.start()
        assert order == []
    large.join(10)
    small.join(10)
    assert order == [1, 2]
    assert budget._left == 100


def test_a_process_holds_little_else_than_the_decoder() -> None:
    code = decoder._MAIN.replace(
        "main()\n",
        "import json; print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules} | set(sys.modules))))\n",
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(Path(__file__).parents[2]), *sys.path],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    assert '"PIL.JpegImagePlugin"' in loaded
    for name in ("tensorflow", "keras", "torch", "faiss", "openvino", "sqlite_utils", "flask", "data.catalogue"):
        assert f'"{name}"' not in loaded


def test_a_process_gets_no_secrets(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_SECRET", "x")
    pool.decode(REQUEST, PHOTO)
    assert b"SECRET" not in Path(f"/proc/{pool.pids[0]}/environ").read_bytes()
    assert len(list(Path(f"/proc/{pool.pids[0]}/fd").iterdir())) <= 4  # standard input twice, output and errors


def test_processes_end_with_their_parent_however_it_ends() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "import hostile_photos\nfrom data.photos import decode\nfrom data.photos import decoders\n"
        "from data.settings import Settings\n"
        "decode(hostile_photos.jpeg(), Settings()); print(*decoders._shared().pids, flush=True); sys.stdin.read()"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(root), str(root / "tests/helpers")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    _wait_for_end(pid)


def test_a_forked_child_lets_go_of_the_processes() -> None:
    decode_photo(PHOTO, SETTINGS)
    pool = decoders._shared()
    pid = os.fork()
    if pid == 0:
        fine = not decoders._made and all(item._connection.fileno() == -1 for item in pool._idle)
        os._exit(0 if fine else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert decode_photo(PHOTO, SETTINGS).width == 900
    assert decoders._shared() is pool


def test_descriptors_and_processes_do_not_grow(pool: DecoderPool) -> None:
    pool.decode(REQUEST, PHOTO)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(InvalidImage):
            pool.decode(REQUEST, hostile.jpeg(400, 300 + number))
        pool.decode(REQUEST, hostile.jpeg(500, 300 + number))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    pids = pool.pids
    pool.close()
    for pid in pids:
        _wait_for_end(pid)


def test_where_no_process_can_be_started_it_is_said(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    for broken in (["/nonexistent"], [sys.executable, "-c", "raise SystemExit(3)"]):
        monkeypatch.setattr(decoder, "_command", lambda broken=broken: broken)
        with pytest.raises(DecodersUnavailable, match="could be started"):
            pool.decode(REQUEST, PHOTO)
    monkeypatch.undo()
    assert pool.decode(REQUEST, PHOTO).width == 900


def test_a_file_over_the_byte_limit_is_not_even_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "ask", lambda *_: pytest.fail("it was sent"))
    with pytest.raises(ImageTooLarge):
        decode_photo(PHOTO, SETTINGS.replace(max_image_bytes=100))


def _photo(shape: str, *, height: str = "2", colours: str = "[]") -> bytes:
    """Returns the header of an answer with a photo."""
    sizes = f'"width": 2, "height": {height}, "missing_lines": 0'
    fields = f'{{{sizes}, "is_truncated": false, "colours": {colours}}}'
    return f'{{"kind": "photo", "fields": {fields}, "shape": {shape}}}'.encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\0\0", struct.pack(">II", 10, 0), struct.pack(">II", 1 << 31, 0), struct.pack(">II", 2, 1 << 31),
        struct.pack(">II", 2, 0) + b"{}", struct.pack(">II", 2, 0) + b"[]", struct.pack(">II", 3, 0) + b"\xff{}",
        struct.pack(">II", 9_000, 0) + b"[" * 9_000,
        *(
            struct.pack(">II", len(text), 12) + text + bytes(12)
            for text in (
                _photo("[2, 3, 3]"),
                _photo("[-2, -2, 3]"),
                _photo("[2, 2, 3]", height='"2"'),
                _photo("null"),
                _photo("[2, 2, 3]", colours='["<script>"]'),
                _photo("[2, 2, 3]", colours='[["red"]]'),
                _photo("[2, 2, 3]", colours='["red", "red"]'),
                b'{"kind": "photo", "fields": [], "shape": [2, 2, 3]}',
                b'{"kind": ["photo"], "fields": {}, "shape": [2, 2, 3]}',
                b'{"kind": "refused", "fields": {"error": "SystemExit", "code": 3, "message": ""}, "shape": null}',
            )
        ),
    ],
)  # fmt: skip
def test_nothing_that_a_process_says_is_believed(answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.close()
        with pytest.raises(BrokenReply):
            receive_reply(ours, 1_000)


def test_a_right_answer_is_read() -> None:
    ours, theirs = socket.socketpair()
    text = _photo("[2, 2, 3]", colours='["red", "black"]')
    with ours, theirs:
        theirs.sendall(struct.pack(">II", len(text), 12) + text + bytes(range(12)))
        reply = receive_reply(ours, 1_000)
    assert isinstance(reply, Reply)
    assert reply.fields["colours"] == ("red", "black")
    assert reply.pixels is not None
    assert reply.pixels.reshape(-1).tolist() == list(range(12))


def test_the_time_limit_grows_with_the_pixels_that_are_allowed() -> None:
    assert [decoder_process.cpu_limit_s(pixels) for pixels in (1, 40_000_000, 80_000_000)] == [2.5, 2.5, 5.0]


def _wait_for_end(pid: int) -> None:
    ended = threading.Event()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not ended.wait(0.02):
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
    pytest.fail(f"process {pid} is still there")
