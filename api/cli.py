"""The commands `serve`, `search`, `recognize`, `keys` and `mcp`."""

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import click

from data.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: any free one.")
@click.option("--insecure", is_flag=True, help="Let anyone who reaches --host change products, without API keys.")
@click.option("--searcher", is_flag=True, help="Only search, in what the writer stored at models_url.")
@click.pass_context
def serve_command(ctx: click.Context, host: str, port: int, insecure: bool, searcher: bool) -> None:
    """Answer over HTTP: the page at /, the API under /v1, its documentation at /docs.

    Example: lookalike serve --port 8080
    """
    from api.server import serve
    from data.database import require_home

    settings: Settings = ctx.obj
    if not searcher:
        require_home(settings.home)
    elif not settings.models_url:
        raise click.UsageError("--searcher needs the setting models_url, where the writer stores releases; got none.")
    else:
        settings = settings.replace(page_events=False)  # the writer does not know the searches that are answered here
    allowed = "search" if searcher else "change products"
    if open_to_others(settings, host, allowed, insecure=insecure):
        click.secho(f"WARNING: no API key exists, so anyone who reaches {host} may {allowed}.", fg="red", err=True)
        settings = settings.replace(insecure=True, allowed_hosts=settings.allowed_hosts or _own_name(host))
    serve(settings, host, port, searcher=searcher)


def open_to_others(settings: Settings, host: str, allowed: str = "change products", *, insecure: bool) -> bool:
    """Returns whether other machines may do what is `allowed` at `host`, because no API key exists.

    Raises:
        UsageError: they may, and neither `insecure` nor the setting of that name allows it.
    """
    from data.keys import Keys

    is_open = not Keys(settings.home).in_use()  # always asked, so a damaged database is reported here, once
    if not is_open or _is_loopback(host):
        return False
    if not (insecure or settings.insecure):
        raise click.UsageError(
            f"--host must be 127.0.0.1 or another loopback address as long as no API key exists; got {host!r}, which "
            "other machines reach. Make a key with `lookalike keys add`, or pass --insecure to let anyone "
            f"{allowed}."
        )
    return True


@click.command()
@click.option("--text", default="", help="Words to search for.")
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Photo to search by; may be repeated for other sides of the same thing.",
)
@click.option("--product", "product_id", default="", help="product_id to find lookalikes of.")
@click.option("--filter", "filters", multiple=True, metavar="EXPR", help="For example 'price < 40'; all must hold.")
@click.option("-k", default=10, show_default=True, help="Hits wanted, 1 to 1000.")
@click.option("--not-text", default="", help="Words for what is not wanted.")
@click.option("--text-weight", default=0.5, show_default=True, type=click.FloatRange(0, 1), help="Weight of the words.")
@click.option("--legs", default="fused", help="How words alone find products: fused, lexical or dense.")
@click.option("--understand/--no-understand", default=True, help="Read prices, colours and sizes in the words.")
@click.option("--facets", default="", metavar="NAMES", help="Facts to count, for example brand,price,attr.size.")
@click.option("--sort", default="", help="relevance, price, -price, created_at or -created_at; else as the words ask.")
@click.option("--max-per", default="", metavar="FACT:N", help="At most N hits of one value, for example brand:2.")
@click.option("--like", multiple=True, metavar="ID", help="Product that hits should resemble; may be repeated.")
@click.option("--unlike", multiple=True, metavar="ID", help="Product that was not meant; may be repeated.")
@click.option("--objects", is_flag=True, help="Also look for several things in the photo, and search by each.")
@click.option(
    "--why-map",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture to write, .png, .jpg or .webp: which parts of the photo and of the first hits' photos are alike.",
)
@click.option("--min-probability", default=0.0, type=click.FloatRange(0, 1), help="Leave out hits less likely right.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the HTTP API.")
@click.pass_context
def search_command(
    ctx: click.Context, text: str, images: tuple[Path, ...], product_id: str, filters: tuple[str, ...], k: int,
    not_text: str, text_weight: float, legs: str, understand: bool, facets: str, sort: str, max_per: str,
    like: tuple[str, ...], unlike: tuple[str, ...], min_probability: float, objects: bool, why_map: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Search by words, by photo or by product; words and a photo may go together.

    Example: lookalike search --text "red mug" --filter 'brand = "Acorn"' --filter 'price < 40'
    """
    if not (text.strip() or images or product_id or like):
        raise click.UsageError("one of --text, --image, --product and --like must be given; got none.")
    if images and product_id:
        raise click.UsageError("only one of --image and --product may be given; got both.")
    from api.documents import answer_document
    from api.hits import hits_table
    from data.database import require_home
    from data.photos import photo_bytes
    from engine.search import SearchEngine, SearchRequest

    require_home(ctx.obj.home)
    photos = [photo_bytes(image, ctx.obj) for image in images]
    request = SearchRequest(
        text=text, not_text=not_text, image=photos[0] if photos else None, more_images=tuple(photos[1:]),
        product_id=product_id, text_weight=text_weight, also=filters, k=k, legs=legs, understand=understand,
        facets=facets, sort=sort, max_per=max_per, like=like, unlike=unlike, min_probability=min_probability,
        objects=objects, why="map" if why_map else "",
    )  # fmt: skip
    answer = SearchEngine(ctx.obj).search(request)
    if why_map:
        from api.why_pictures import save_picture, why_picture

        save_picture(why_picture(request.image, answer.hits, ctx.obj), why_map)
    click.echo(json.dumps(answer_document(answer), ensure_ascii=False, indent=2) if as_json else hits_table(answer))


@click.command("recognize")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-k", default=5, show_default=True, help="Labels wanted, 1 to 100.")
@click.option("--within", multiple=True, metavar="LABEL", help="The only labels that may be named; may be repeated.")
@click.option("--attributes", is_flag=True, help="Also suggest facts, a title and a price range.")
@click.option("--category", default="", help="Category to suggest for; by default the one recognised.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the HTTP API.")
@click.pass_context
def recognize_command(
    ctx: click.Context, file: Path, k: int, within: tuple[str, ...], attributes: bool, category: str, as_json: bool
) -> None:
    """Say what a photo shows: the vote of three classifiers, with each one's own opinion.

    Example: lookalike recognize photo.jpg -k 3 --attributes
    """
    if category and not attributes:
        raise click.UsageError("--category must come with --attributes; got it alone.")
    import time

    from api.documents import recognition_document
    from data.database import require_home
    from data.photos import photo_bytes
    from engine.search import SearchEngine

    require_home(ctx.obj.home)
    engine = SearchEngine(ctx.obj)
    started = time.perf_counter()
    photo = photo_bytes(file, ctx.obj)
    recognition = (
        engine.suggest(photo, k=k, within=within, category=category)
        if attributes
        else engine.recognise(photo, k=k, within=within)
    )
    document = recognition_document(recognition, (time.perf_counter() - started) * 1000)
    lines = [_labels(document), *(_suggested(document) if attributes else ())]
    click.echo(json.dumps(document, ensure_ascii=False, indent=2) if as_json else "\n".join(lines))


@click.group("keys")
def keys_command() -> None:
    """Make, list and revoke API keys. Without keys the server is open; once there is one, requests need a key.

    Example: lookalike keys add --scope search
    """


@keys_command.command("add")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(["search", "write", "admin"]),
    help="search: read; write: also change products; admin: everything. May be given more than once.",
)
@click.pass_context
def add_key(ctx: click.Context, scopes: tuple[str, ...]) -> None:
    """Make a key and print it. It cannot be shown again.

    Example: lookalike keys add --scope write
    """
    from data.keys import Keys

    click.echo(Keys(ctx.obj.home).create(scopes))


@keys_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_keys(ctx: click.Context, as_json: bool) -> None:
    """List all keys by id, revoked ones too.

    Example: lookalike keys list --json
    """
    from data.database import require_home
    from data.keys import Keys

    require_home(ctx.obj.home)
    keys = Keys(ctx.obj.home).list()
    rows = [
        {
            "id": key.id,
            "scopes": list(key.scopes),
            "created_at": key.created_at.isoformat(timespec="seconds"),
            "revoked_at": key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else None,
        }
        for key in keys
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for key in keys:
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "valid"
        click.echo(f"{key.id}  {','.join(key.scopes):<14}  made {key.created_at:%Y-%m-%d %H:%M}  {state}")


@keys_command.command("revoke")
@click.argument("key_id", metavar="ID")
@click.pass_context
def revoke_key(ctx: click.Context, key_id: str) -> None:
    """Make a key invalid from now on.

    Example: lookalike keys revoke 3f9c2a7be104
    """
    from data.database import require_home
    from data.keys import Keys

    require_home(ctx.obj.home)
    if not Keys(ctx.obj.home).revoke(key_id):
        raise click.ClickException(f"ID must be the id of a valid key; got {key_id!r}. See `lookalike keys list`.")
    click.echo(f"Revoked {key_id}")


@click.command("mcp")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the server to search.")
@click.option("--key", default="", envvar="MCP_LOOKALIKE_KEY", show_envvar=True, help="Its API key, of scope search.")
@click.option(
    "--photos",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that photos may be read from; may be repeated.",
)
def mcp_command(url: str, key: str, roots: tuple[Path, ...]) -> None:
    """Offer the search of a running server to language models, as tools (MCP) over standard input and output.

    Example: lookalike mcp --url http://127.0.0.1:8080 --photos ./photos
    """
    from api.client import Client
    from api.mcp_tools import mcp_server

    with Client(url, key) as client:
        mcp_server(client, url, roots).run()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_name(host: str) -> str:
    """Returns `host` if it is a name, which requests will then carry; "" for an address."""
    return host.lower() if re.search("[a-z]", host.lower()) and ":" not in host else ""


def _labels(document: dict[str, Any]) -> str:
    """Returns a recognition as lines for people: the vote, then each voter, then the nearest photos."""
    lines = [
        f"{label['probability']:>6.1%}  {label['label']}  ({', '.join(label['voters']) or 'no voter'})"
        for label in document["labels"]
    ]
    for name, guesses in document["voters"].items():
        lines.append(f"{name}: " + ", ".join(f"{guess['label']} {guess['score']:.0%}" for guess in guesses))
    near = ", ".join(f"{photo['label']} ({photo['image_id'][:12]})" for photo in document["neighbours"])
    lines.append(f"nearest photos: {near}")
    if document["abstained"]:
        lines.append("Too uncertain to rely on: the vote abstains.")
    if broader := document["broader"]:
        lines.append(f"Surely {broader['label']} ({broader['probability']:.1%}).")
    return "\n".join(lines)


def _suggested(document: dict[str, Any]) -> list[str]:
    """Returns what is suggested as lines for people."""
    lines = [f"suggested for {document['category'] or 'no category in particular'}:"]
    for guess in document["attributes"]:
        value, *others = (json.dumps(each, ensure_ascii=False) for each in (guess["value"], *guess["others"]))
        unsure = f"  ({', or '.join(['too uncertain', *others])})" * guess["abstained"]
        lines.append(f"{guess['probability']:>6.1%}  {guess['name']} = {value}{unsure}")
    if title := document["title"]:
        lines.append(f"title: {title['text']}  (words of {title['titles']} titles)")
    if price := document["price"]:
        lines.append(f"similar products cost {price['low']:g} to {price['high']:g} {price['currency']}")
    return lines
