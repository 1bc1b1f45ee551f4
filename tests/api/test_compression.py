"""Pages, styles and scripts travel compressed to those who accept it, and say the same."""

import gzip

import pytest
from flask.testing import FlaskClient

GZIP = {"Accept-Encoding": "gzip, br"}


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/static/page.js", "/docs"])
def test_texts_are_compressed_for_those_who_accept_it(client: FlaskClient, path: str) -> None:
    plain, packed = client.get(path), client.get(path, headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == packed.headers["Vary"]
    assert "Accept-Encoding" in packed.vary


def test_a_compressed_file_need_not_be_sent_again(client: FlaskClient) -> None:
    etag = client.get("/static/page.css", headers=GZIP).headers["ETag"]
    assert etag.startswith("W/")
    again = client.get("/static/page.css", headers={**GZIP, "If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/livez", "/openapi.json", "/static/icon.svg", "/nothing"])
def test_short_answers_json_and_errors_go_as_they_are(client: FlaskClient, path: str) -> None:
    assert "Content-Encoding" not in client.get(path, headers=GZIP).headers
