"""`lookalike mcp`, started as an assistant starts it and called by the SDK's own client, in front of a real server."""

import asyncio
import base64
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from pages_elsewhere import serving
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone

import lookalike
from api.app import create_app
from api.mcp_tools import mcp_server
from data.errors import LookalikeError
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

ROOT = Path(__file__).parents[2]
TOOLS = ["product", "recognise", "search_image", "search_text", "similar"]


@pytest.fixture(scope="module")
def shop(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StdioServerParameters, Path]]:
    """How the command is started, and the folder that it may read photos from."""
    folder = tmp_path_factory.mktemp("mcp")
    shutil.copytree(built_home, folder / "home")
    (folder / "photos").mkdir()
    for place in (folder / "photos", folder):
        draw_shape("red", "disc", 80).save(place / "photo.png")
    (folder / "photos" / "link.png").symlink_to(folder / "photo.png")
    settings = Settings(home=folder / "home")
    key = Keys(settings.home).create(["search"])
    with serving(create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))) as url:
        arguments = ["-P", "-m", "lookalike", "mcp", "--url", url, "--photos", str(folder / "photos")]
        environment = {"MCP_LOOKALIKE_KEY": key, "PYTHONPATH": str(ROOT)}
        yield StdioServerParameters(command=sys.executable, args=arguments, env=environment), folder


def call(start: StdioServerParameters, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Returns the results of some calls in one session; the first result is the list of tools."""

    async def session() -> list[Any]:
        async with Client(start, read_timeout_seconds=60) as client:
            listed = [tool.name for tool in (await client.list_tools()).tools]
            return [listed, *[await client.call_tool(name, arguments) for name, arguments in calls]]

    return asyncio.run(session())


def test_an_assistant_searches_by_words_photo_and_product(shop: tuple[StdioServerParameters, Path]) -> None:
    start, folder = shop
    photo = folder / "photos" / "photo.png"
    tools, words, by_path, by_bytes, similar, seen, product = call(
        start,
        ("search_text", {"query": "disc", "filter": "price < 1000", "k": 2}),
        ("search_image", {"path": str(photo), "k": 3}),
        ("search_image", {"photo_base64": base64.b64encode(photo.read_bytes()).decode(), "k": 3}),
        ("similar", {"product_id": "red-disc", "k": 2}),
        ("recognise", {"path": str(photo), "k": 1}),
        ("product", {"product_id": "red-disc"}),
    )
    assert sorted(tools) == TOOLS
    assert [hit["category"] for hit in words.structured_content["hits"]] == ["disc", "disc"]
    assert words.structured_content["hits"][0]["image"].startswith("http://127.0.0.1")
    assert by_path.structured_content["hits"][0]["product_id"] == "red-disc"
    assert by_bytes.structured_content == by_path.structured_content
    assert len(similar.structured_content["hits"]) == 2
    assert seen.structured_content["labels"][0]["label"]
    assert product.structured_content["title"] == "red disc"


def test_refusals_say_what_to_do_and_no_file_elsewhere_is_read(shop: tuple[StdioServerParameters, Path]) -> None:
    start, folder = shop
    outside = [folder / "photo.png", folder / "photos" / "link.png", folder / "photos" / ".." / "photo.png"]
    refused = call(
        start,
        *[
            ("search_image", {"path": str(path)})
            for path in (*outside, "/etc/passwd", folder / "photos", "nowhere.png")
        ],
        ("search_image", {}),
        ("recognise", {"photo_base64": "no base64!"}),
        ("product", {"product_id": "nothing"}),
        ("search_text", {"query": "disc", "filter": "price <"}),
    )[1:]
    texts = [result.content[0].text for result in refused]
    assert [result.is_error for result in refused] == [True] * len(refused)
    assert all("path must be a file" in text and "photos" in text for text in texts[:6])
    assert "one of path and photo_base64" in texts[6]
    assert "must be base64" in texts[7]
    assert "nothing" in texts[8]
    assert "filter" in texts[9]


def test_without_the_extra_the_command_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(LookalikeError, match=r"pip install 'lookalike\[mcp\]'"):
        mcp_server(lookalike.Client("http://127.0.0.1:1"), "", ())
