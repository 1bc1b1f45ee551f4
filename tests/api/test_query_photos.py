"""Photos of shoppers are kept for a while, within limits, and only who knows a photo's id gets to it."""

import hashlib
import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from api.errors import UnknownPhoto
from api.resources import query_photos
from api.resources.query_photos import QueryPhotos

Photo = Callable[..., bytes]


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def is_kept(photos: QueryPhotos, photo_id: str | None) -> bool:
    try:
        photos.get(photo_id or "")
    except UnknownPhoto:
        return False
    return True


def test_an_id_is_the_sha256_of_the_photo() -> None:
    photos = QueryPhotos(1)
    photo_id = photos.keep(b"photo")
    assert photo_id == hashlib.sha256(b"photo").hexdigest()
    assert photos.get(photo_id) == b"photo"


def test_a_photo_goes_some_time_after_its_last_use() -> None:
    clock = Clock()
    photos = QueryPhotos(1, clock)
    photo_id = photos.keep(b"photo")
    clock.now_s = 50
    assert is_kept(photos, photo_id)
    clock.now_s = 109
    assert is_kept(photos, photo_id)
    clock.now_s = 170
    assert not is_kept(photos, photo_id)


@pytest.mark.parametrize(("limit", "most"), [("MOST_PHOTOS", 2), ("MOST_BYTES", 25)])
def test_those_used_longest_ago_make_room(monkeypatch: pytest.MonkeyPatch, limit: str, most: int) -> None:
    monkeypatch.setattr(query_photos, limit, most)
    photos = QueryPhotos(1)
    first, second = photos.keep(b"a" * 10), photos.keep(b"b" * 10)
    assert is_kept(photos, first)
    assert photos.keep(b"b" * 10) == second  # the same photo takes no more room
    third = photos.keep(b"c" * 10)
    assert [is_kept(photos, photo_id) for photo_id in (first, second, third)] == [False, True, True]


def test_only_what_may_be_shown_is_shown() -> None:
    photos = QueryPhotos(1)
    hidden, shown = photos.keep(b"hidden"), photos.keep(b"shown", may_be_shown=True)
    assert photos.keep(b"shown") == shown
    assert photos.shown(shown or "") == b"shown"
    with pytest.raises(UnknownPhoto):
        photos.shown(hidden or "")


def test_the_api_searches_by_a_photo_it_keeps(client: FlaskClient, photo: Photo) -> None:
    first = client.post("/v1/search/image", data={"file": (io.BytesIO(photo()), "x.jpg")}).get_json()
    photo_id = first["photo_id"]
    assert client.post("/v1/search/image", json={"photo_id": photo_id, "box": [0, 0, 40, 40]}).status_code == 200
    assert client.post("/v1/search/image", data={"photo_id": photo_id}).get_json()["photo_id"] == photo_id
    assert client.get(f"/photos/{photo_id}.jpg").status_code == 404  # what came over the API is never shown


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"photo_id": "0" * 64}, 404, "unknown_photo"),
        ({"photo_id": "0" * 65}, 400, "bad_request"),
        ({"photo_id": "0" * 64, "product_id": "p"}, 400, "bad_request"),
    ],
)
def test_an_id_that_names_no_photo_is_refused(
    client: FlaskClient, fields: dict[str, str], status: int, code: str
) -> None:
    answer = client.post("/v1/search/image", json=fields)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
