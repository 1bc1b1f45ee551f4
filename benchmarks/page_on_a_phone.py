"""Measures the page as a shopper with a phone on 3G meets it: a large photo, the first hit's place, bytes, and paints.

    python benchmarks/page_on_a_phone.py HOME PHOTO...

HOME has a live generation; each PHOTO is enlarged to 12 megapixels, and noise is added so that it has the size of a
phone's. Chromium shows 390 x 844 pixels with 3 dots each, with 1.6 Mbit/s down, 0.75 up and 300 ms. The first hits must
be there after 3 s, the first card in the upper 60 % of the screen, and the page without pictures must take at most
60 kB. With the processor slowed down 4 times, the largest picture or text must be painted after 1.2 s (LCP, median of 5
loads without a cache), and what is there must not jump (CLS, at most 0.02). Another search warms the server up before.
"""

import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from home_server import serving
from PIL import Image
from playwright.sync_api import Browser, ViewportSize, sync_playwright

SCREEN: ViewportSize = {"width": 390, "height": 844}
NETWORK = {"offline": False, "latency": 300, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
PIXELS = (4032, 3024)
SLOWER = 4
LOADS = 5
# Collects what Chromium reports of each load, from its beginning.
OBSERVE = """window.shifts = 0;
new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) window.shifts += shift.hadRecentInput ? 0 : shift.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => { window.largest = list.getEntries().at(-1); })
    .observe({ type: "largest-contentful-paint", buffered: true });"""


def as_from_a_phone(path: Path, folder: Path) -> Path:
    """Writes the photo into a folder as a JPEG of 12 megapixels with some noise; returns its path."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").resize(PIXELS, Image.Resampling.BICUBIC)).astype(np.int16)
    noise = np.random.default_rng(0).integers(-24, 25, pixels.shape, dtype=np.int16)
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(folder / path.name, "JPEG", quality=92)
    return folder / path.name


def measure(browser: Browser, url: str, photo: Path) -> str:
    """Returns one line about one photo: its size, the time to the first hits, the first card's place, and bytes."""
    page = browser.new_page(viewport=SCREEN, is_mobile=True, has_touch=True, device_scale_factor=3)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    kinds: dict[str, str] = {}
    arrived: Counter[bool] = Counter()  # bytes, by whether they are of a picture
    network.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))

    def count(event: dict[str, Any]) -> None:
        arrived[kinds.get(event["requestId"]) == "Image"] += event["encodedDataLength"]

    network.on("Network.loadingFinished", count)
    network.send("Network.emulateNetworkConditions", NETWORK)
    page.goto(url, wait_until="networkidle")
    empty_bytes = arrived[False]
    started = time.perf_counter()
    page.set_input_files("#file", photo)
    card = page.locator("#hits .card").first
    card.wait_for()
    seconds = time.perf_counter() - started
    box = card.bounding_box() or {"y": float("nan")}
    share, size_mb = box["y"] / SCREEN["height"], photo.stat().st_size / 1e6
    page.close()
    return (
        f"{photo.name}: {size_mb:.1f} MB, first hits after {seconds:.2f} s, first card at {share:.0%} of it; "
        f"page {empty_bytes / 1e3:.1f} kB, with its hits {arrived[False] / 1e3:.1f} kB, without pictures"
    )


def paints(browser: Browser, url: str) -> str:
    """Returns one line about how a page is painted: when its largest part, what that is, and how much it jumps."""
    seconds, shifts, largest = [], [], ""
    for _ in range(LOADS):
        page = browser.new_page(viewport=SCREEN, is_mobile=True, has_touch=True, device_scale_factor=3)
        page.add_init_script(OBSERVE)
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", NETWORK)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(url, wait_until="networkidle")
        seconds.append(page.evaluate("window.largest.startTime") / 1000)
        shifts.append(page.evaluate("window.shifts"))
        largest = page.evaluate("window.largest.element?.tagName ?? 'gone'")
        page.close()
    return f"{url}: LCP {statistics.median(seconds):.2f} s ({largest}), CLS at most {max(shifts):.3f}"


def main(home: Path, photos: list[Path]) -> None:
    with serving(home) as (port, _), sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{port}/"
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox"])
        measure(browser, url, photos[0])
        for path in photos:
            print(measure(browser, url, as_from_a_phone(path, Path(folder))))
        for query in ("", "?q=red"):
            print(paints(browser, url + query))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(text) for text in sys.argv[2:]])
