"""Lookalike as a library, `lookalike.open` and `lookalike.Client`, and as the command line, `lookalike import` etc.

Importing it loads nothing heavy: each method and each command imports what it needs when it is called.
"""

import importlib
import logging
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click

from data.errors import LookalikeError, SettingsError
from data.settings import Settings, load_settings, write_setting

if TYPE_CHECKING:
    from api.client import Client
    from api.errors import ClientError
    from api.hits import Hits
    from api.writing import ProductWriter
    from data.catalogue import Catalogue
    from data.completion import Completion
    from data.photos import PhotoInput
    from engine.protocols import Backbone, Floats
    from engine.recognition import Recognition
    from engine.search import SearchEngine
    from engine.suggesting import Suggestions
    from indexer.importing import ProductReport
    from indexer.rebuild import RebuildSummary

__all__ = ["Client", "ClientError", "LookalikeError", "Shop", "main", "open"]
VERSION = "0.1.0"
Box = tuple[float, float, float, float]


def __getattr__(name: str) -> Any:
    """Imports the client when it is first asked for."""
    modules = {"Client": "api.client", "ClientError": "api.errors"}
    if name not in modules:
        raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
    return getattr(importlib.import_module(modules[name]), name)


def open(home: str | Path | None = None, **settings: Any) -> "Shop":
    """Returns the shop in a folder; nothing is read or made there before a method needs it.

    Example: lookalike.open("var", threads=4).search("red mug", filter="price < 40")

    Args:
        home: folder of all run-time files; None: `LOOKALIKE_HOME`, else `./var`.
        settings: any fields of `Settings`; they win over the environment and `lookalike.toml`.

    Raises:
        SettingsError: there is no such setting, or a value is wrong.
    """
    return Shop(load_settings(home=home, **settings))


class Shop:
    """A catalogue that can be searched and changed: what the commands and the HTTP API do, for programs.

    A photo is given as the path of an image file, its bytes, a PIL image, or RGB pixels uint8 (h, w, 3). Every error
    raised on purpose is a `LookalikeError`. Safe to use from several threads.

    Args:
        settings: see `open`, which makes them from keyword arguments.
        backbone: used instead of the one that the settings name (for tests).
    """

    def __init__(self, settings: Settings, *, backbone: "Backbone | None" = None) -> None:
        self.settings = settings
        self._backbone = backbone
        self._made: SearchEngine | None = None
        self._making = threading.Lock()

    def __repr__(self) -> str:
        return f"lookalike.open({str(self.settings.home)!r})"

    def search(
        self, text: str = "", *, image: "PhotoInput | Sequence[PhotoInput] | None" = None, product_id: str = "",
        not_text: str = "", text_weight: float = 0.5, box: Box | None = None, filter: str = "", k: int = 10,
        cursor: str = "", diversity: float = 0.0, freshness: float | None = None, legs: str = "fused",
        understand: bool = True, min_probability: float = 0.0,
        facets: str = "", sort: str = "", max_per: str = "",
        like: Sequence[str] = (), unlike: Sequence[str] = (), objects: bool = False,
        why: str = "",
    ) -> "Hits":  # fmt: skip
        """Finds products by words, by photos, by both, or by their likeness to products.

        Args:
            text, not_text: words for what is wanted, and for what is not.
            image: a photo, or a list of at most 8 photos of one thing from several sides.
            text_weight: share of the words beside a photo, 0..1.
            box: x0, y0, x1, y1, the part of the photo that counts, in pixels of the photo as shown.
            filter: what must hold, for example `brand = "Acme" AND price < 40`.
            k: hits wanted, 1..1000.
            cursor: `next_cursor` of an answer, for the hits that follow.
            diversity: 0 (best first) to 1 (as unlike each other as can be).
            freshness: 0 (none) to 1, preference for new products; None: the default.
            legs: how words alone find products: `lexical` (by their letters), `dense` (by their meaning) or `fused`.
            understand: whether a price, a colour or a size in `text` becomes a filter; `understood` says which.
            min_probability: 0..1; hits with a lower match probability are left out.
            facets: facts whose values are counted over all that matches, such as `brand,price,attr.size`; at most 10.
            sort: `relevance`, or `price`, `-price`, `created_at` or `-created_at`: the best products in another order;
                "": the order that the words ask for, if any.
            max_per: how many hits may share a value, such as `brand:2`; "": any number.
            like, unlike: ids of products that hits should resemble, and should not; at most 50 each.
            objects: whether to look for several things in the photo too; they are the answer's `objects`.
            why: `map`: also tell which parts of the photo and of the first five hits' photos make them alike; it is
                each hit's `why_map`.

        Raises:
            InvalidQuery, InvalidFilter, InvalidImage, UnknownProduct: an argument cannot be used.
            NoGeneration: nothing has been published; see `rebuild`.
        """
        from api.hits import Hits
        from engine.search import SearchRequest

        photos = self._sides(image)
        request = SearchRequest(
            text=text, not_text=not_text, image=photos[0] if photos else None, more_images=tuple(photos[1:]), box=box,
            product_id=product_id, text_weight=text_weight, filter=filter, k=k, cursor=cursor, diversity=diversity,
            freshness=freshness, legs=legs, understand=understand, facets=facets, sort=sort, max_per=max_per,
            like=tuple(like), unlike=tuple(unlike), min_probability=min_probability, objects=objects,
            why=why,
        )  # fmt: skip
        return Hits.of(self._engine.search(request), self.settings.home)

    def complete(self, typed: str, *, k: int = 8) -> "tuple[Completion, ...]":
        """Returns up to k queries, titles, brands and categories that go on like what was typed, best first.

        Args:
            typed: at most 200 characters; the last syllable may be unfinished.

        Raises:
            InvalidQuery: there is nothing or too much, or k is not from 1 to 20.
        """
        return self._engine.complete(typed, k=k)

    def recognise(
        self, photo: "PhotoInput", *, k: int = 5, within: Sequence[str] = (), box: Box | None = None
    ) -> "Recognition":
        """Says what a photo shows: the vote of three classifiers, each one's own opinion, and the nearest photos.

        Args:
            k: labels wanted, 1..100.
            within: the only labels that may be named; empty: all.
            box: the part of the photo that counts, as in `search`.

        Raises:
            NoVoters: the live generation has none.
        """
        return self._engine.recognise(self._bytes(photo), k=k, within=within, box=box)

    def suggest(
        self, photo: "PhotoInput", *, k: int = 5, within: Sequence[str] = (), box: Box | None = None, category: str = ""
    ) -> "Suggestions":
        """Says what a photo shows, and suggests facts, a title and a price range for a product with this photo.

        Args:
            k, within, box: as of `recognise`.
            category: the category of the product; "": the one that is recognised, unless the vote abstains.
        """
        return self._engine.suggest(self._bytes(photo), k=k, within=within, box=box, category=category)

    def recommend(
        self, *, label: str = "", product_id: str = "", image: "PhotoInput | None" = None, colour: str = "",
        filter: str = "", k: int = 10,
    ) -> "Hits":  # fmt: skip
        """Finds products of the same kind as a label or a product, those in its colours first.

        Args:
            label: a label that `recognise` returned; `image` may be the photo it was recognised in.
            product_id: the product that the hits should resemble.
            colour: the colour wanted instead of the product's or the photo's.

        Raises:
            BadRequest: neither label nor product is given, or a photo beside a product.
        """
        from api.hits import Hits
        from api.recommending import recommend_request
        from engine.recommend import recommend

        request = recommend_request(
            self._engine, self._catalogue, label=label, product_id=product_id,
            image=None if image is None else self._bytes(image), colour=colour, filter=filter, k=k,
        )  # fmt: skip
        return Hits.of(recommend(self._engine.search, request), self.settings.home)

    def embed(self, photos: "Iterable[PhotoInput]", space: str = "product") -> "Floats":
        """Returns one vector per photo, in order, float32 (n, d); reads files in small batches, to save memory.

        Args:
            space: `product`: points of the product space, L2 norm 1; `pool3`: the live backbone's features.

        Raises:
            InvalidImage: a photo cannot be used; the message says which.
        """
        return self._engine.embed(photos, space=space)

    def put(self, product: Mapping[str, Any], images: "Iterable[PhotoInput]" = ()) -> str:
        """Adds or replaces a product; when this returns, the product is durable and the next search finds it.

        Args:
            product: its facts, for example `{"product_id": "mug-17", "title": "Blue mug", "price": 12.5}`.
            images: its photos, which are copied into the home; none: the product keeps the photos that it has.

        Returns:
            "created", "updated" or "unchanged".

        Raises:
            InvalidProduct, InvalidImage: nothing was changed.
        """
        from data.catalogue import parse_product
        from data.photos import photo_list

        contents = [self._bytes(image) for image in photo_list(images)]
        return self._writer.put(parse_product(product), contents).outcome

    def delete(self, product_id: str, *, purge: bool = False) -> None:
        """Takes a product out of every later search; raises UnknownProduct where there is none.

        Args:
            purge: whether its facts and photos are erased at once, also those of a product that is deleted already.
        """
        self._writer.delete(product_id, purge=purge)

    def import_feed(
        self, path: str | Path, *, format: str = "auto", encoding: str = "", images: str | Path | None = None,
        strict: bool = False, full_feed: bool = False, force: bool = False, dry_run: bool = False,
        dates: str = "", mapping: Mapping[str, str] | None = None,
        report: str | Path | None = None,
    ) -> "ProductReport":  # fmt: skip
        """Adds and changes the products of a catalogue file or folder, as `lookalike import` does.

        Args:
            format: `auto`, `csv`, `json`, `jsonl`, `parquet`, `xlsx`, `xml`, `google-csv` or `folder`.
            encoding: of the feed's text, for example `cp949`; empty: it is detected.
            images: folder that image paths are relative to, before the feed's own.
            strict: stop at the first row with a problem, with nothing written.
            full_feed: delete the products that the feed does not name. None is deleted if the feed may be broken (a row
                without a readable id, or more than `max_full_feed_drop` missing): see `refusal` of the report.
            force: let a full feed delete more than `max_full_feed_drop`.
            dry_run: only say what would change.
            dates: `dmy` or `mdy`: how to read dates such as 05/11/2026; "": they are left out.
            mapping: column of the feed -> the fact that it holds, where its own name does not say so; several facts
                have commas between them.
            report: JSONL file for the rows with problems.

        Raises:
            InvalidFeed: it cannot be read, or none of its rows gives a product.
        """
        from indexer.importing import import_feed

        return import_feed(
            self.settings, Path(path), format=format, encoding=encoding, images=Path(images) if images else None,
            strict=strict, full_feed=full_feed, force=force, dry_run=dry_run,
            dates=dates, mapping=mapping, report=Path(report) if report else None,
        )  # fmt: skip

    def rebuild(self, *, train: bool = True, full: bool = False) -> "RebuildSummary":
        """Builds, verifies and publishes a new generation, as `lookalike rebuild` does; later searches use it.

        Args:
            train: whether to train the models again; otherwise the live generation's are taken over.
            full: whether to read every photo again, and to train even if nothing changed.

        Raises:
            NothingToIndex: the catalogue holds no product, or has lost all its photos.
            GateFailed: a check refused the new generation; the live one stays.
        """
        from indexer.rebuild import rebuild

        summary = rebuild(self.settings, train=train, full=full, backbone=self._backbone)
        self._engine.refresh()
        return summary

    def status(self) -> dict[str, Any]:
        """Returns what `lookalike status --json` prints: what is live, what waits, what is kept."""
        from indexer.operating import status

        return status(self.settings)

    @property
    def _engine(self) -> "SearchEngine":
        with self._making:  # two threads at their first search must not load two networks
            if self._made is None:
                from engine.search import SearchEngine

                self._made = SearchEngine(self.settings, backbone=self._backbone)
            return self._made

    @cached_property
    def _catalogue(self) -> "Catalogue":
        from data.catalogue import Catalogue

        return Catalogue(self.settings.home)

    @cached_property
    def _writer(self) -> "ProductWriter":
        from api.writing import ProductWriter
        from data.photos import Intake

        return ProductWriter(self._engine, self._catalogue, Intake(self.settings, self._catalogue))

    def _sides(self, image: "PhotoInput | Sequence[PhotoInput] | None") -> list[bytes]:
        """Returns no photo, one or several as bytes; an array is one photo."""
        if isinstance(image, list | tuple):
            return [self._bytes(photo) for photo in image]
        return [] if image is None else [self._bytes(cast("PhotoInput", image))]

    def _bytes(self, photo: "PhotoInput") -> bytes:
        from data.photos import photo_bytes

        return photo_bytes(photo, self.settings)


DEMO_FALLBACK = "efficientnet_lite2"
USAGE_ERRORS = {"bad_filter", "bad_import", "bad_query", "bad_training", "cursor_expired"}
# command -> (module that defines it, one line of help); so that `--help` imports none of them
COMMANDS = {
    "demo": ("lookalike", "Make a sample catalogue, import it, build the index and serve it."),
    "import": ("indexer.cli", "Add or change products from a catalogue file or folder."),
    "restore": ("indexer.cli", "Bring back the products that an import of a full feed deleted."),
    "import-events": ("indexer.cli", "Add searches, clicks and purchases from a log."),
    "rebuild": ("indexer.cli", "Embed what is new, build a generation, verify it and publish it."),
    "rollback": ("indexer.cli", "Make an earlier generation the live one."),
    "status": ("indexer.cli", "Show what is live, what waits, and how the last import and rebuild went."),
    "doctor": ("indexer.cli", "Check this machine, the files on disk and what is in use."),
    "backbone": ("indexer.backbones.cli", "Add, check, list and remove networks of your own."),
    "detector": ("indexer.detectors.cli", "Add, check, list and remove networks that find things in photos."),
    "train": ("training.cli", "Train one part alone and measure it."),
    "evaluate": ("training.reports.cli", "Measure one part on photos, queries or events that it did not learn from."),
    "search": ("api.cli", "Search by words, by photo or by product."),
    "recognize": ("api.cli", "Recognise what a photo shows."),
    "serve": ("api.cli", "Serve the HTTP API and the page."),
    "mcp": ("api.cli", "Offer a server's search to language models as tools (MCP)."),
    "keys": ("api.cli", "Make, list and revoke API keys."),
}
SETTING_FLAGS = {
    "home": "Folder of all run-time files (LOOKALIKE_HOME, ./var).",
    "backbone": "CNN that embeds photos (LOOKALIKE_BACKBONE, inception_v3).",
}


def _accept_settings(command: click.Command) -> None:
    """Lets `--home` and `--backbone` stand after the command's name as well as before it."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _accept_settings(child)
    elif not any(parameter.name == "home" for parameter in command.params):
        command.params += [_setting_option(name) for name in SETTING_FLAGS]


def _setting_option(name: str) -> click.Option:
    # `home` comes first, in whatever order they were typed: it may hold the backbone.
    return click.Option(
        [f"--{name}"], help=SETTING_FLAGS[name], expose_value=False, is_eager=name == "home", callback=_set
    )


def _set(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Notes a flag; once the command's last one is known, gives the command its settings."""
    flags = ctx.meta.setdefault("lookalike.flags", {})
    if value is not None:
        flags[parameter.name] = value
    is_last = parameter.name == "backbone" and ctx.command is not cli
    if is_last and (flags or ctx.obj is None):
        ctx.obj = load_settings(**flags)


class _Commands(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[name][0])
        command: click.Command = getattr(module, f"{name.replace('-', '_')}_command")
        _accept_settings(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="lookalike")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool) -> None:
    """Self-hosted visual product search: photo, text and "similar to this" over your own catalogue.

    Example: lookalike import catalogue.jsonl && lookalike rebuild && lookalike serve
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("lookalike").setLevel(logging.DEBUG if verbose else logging.INFO)


cli.params += [_setting_option(name) for name in SETTING_FLAGS]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on.")
@click.option("--products", default=240, show_default=True, help="Products in the sample catalogue.")
@click.option("--insecure", is_flag=True, help="As of `lookalike serve`.")
@click.option("--serve/--no-serve", "serving", default=True, show_default=True, help="Serve when the index is built.")
@click.pass_context
def demo_command(ctx: click.Context, host: str, port: int, products: int, insecure: bool, serving: bool) -> None:
    """Make a synthetic sample catalogue, import it, build the index and serve it.

    Example: lookalike demo --port 8080
    """
    from data.sample import generate_sample
    from engine.extras import require_extras
    from indexer.importing import import_feed
    from indexer.rebuild import rebuild

    require_extras("serve", "train")
    settings = _demo_settings(ctx.obj)
    if serving:
        from api.cli import open_to_others

        open_to_others(settings, host, insecure=insecure)  # refuses before the long work, not after it
    click.echo(f"1/4 Drawing a synthetic sample catalogue of {products} products under {settings.home / 'sample'}")
    feed = generate_sample(settings.home / "sample", products=products)
    click.echo("2/4 Importing it")
    click.echo(f"    {import_feed(settings, feed).summary}")
    click.echo("3/4 Embedding its photos and building the index")
    summary = rebuild(settings)
    click.echo(f"    generation {summary.generation} is live")
    if serving:
        from api.cli import serve_command

        click.echo("4/4 Starting the server (Ctrl-C stops it)")
        ctx.obj = settings
        ctx.invoke(serve_command, host=host, port=port, insecure=insecure)


def _demo_settings(settings: Settings) -> Settings:
    """Returns the demo's settings; refuses a home with a shop's own products, and announces a fallback backbone."""
    from data.catalogue import Catalogue
    from engine.backbones import resolve_spec
    from engine.errors import BackboneUnavailable

    if not (settings.home / "sample").exists() and Catalogue(settings.home).counts()["products"]:
        raise LookalikeError(
            f"demo needs an empty home; got {settings.home} with products of its own. Name another with --home."
        )
    click.echo(f"Looking for the weights of {settings.backbone}")
    try:
        resolve_spec(settings)
    except BackboneUnavailable as error:
        notice = f"{settings.backbone} is not available here, so the demo uses {DEMO_FALLBACK}: results differ."
        click.secho(f"NOTE: {notice}\n      {error}", fg="yellow", err=True)
        write_setting(settings.home, "backbone", DEMO_FALLBACK)
        write_setting(settings.home, "backbone_notice", notice)
        return load_settings(home=settings.home, backbone=DEMO_FALLBACK)
    return settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line. Exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    try:
        cli.main(arguments, prog_name="lookalike", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except LookalikeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, SettingsError) or error.code in USAGE_ERRORS else 1)
    except ModuleNotFoundError as error:
        _end_without(error)
    except OSError as error:
        click.echo(f"Error: files must be readable and writable, and the disk not full; got: {error}.", err=True)
        sys.exit(1)


def _end_without(error: ModuleNotFoundError) -> NoReturn:
    """Ends the process with the name of the extra that is missing; raises the error if it is not an extra's."""
    from engine.extras import MODULES, missing_extra

    if (error.name or "").partition(".")[0] not in MODULES:
        raise error
    click.echo(f"Error: {missing_extra(error.name or '')}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
