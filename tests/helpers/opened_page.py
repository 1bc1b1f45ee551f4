"""A page of real Chromium that fails its test when the browser complains."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}


@contextmanager
def opened(browser: Browser, **options: Any) -> Iterator[Page]:
    """Yields a page of a new context; raises if a script failed or the page's policy blocked something."""
    complaints: list[str] = []
    context = browser.new_context(**options)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Security Policy" in message.text else None)
    page.set_default_timeout(20_000)
    yield page
    context.close()
    assert complaints == []


def wait_until(page: Page, condition: str) -> None:
    """Waits until a JavaScript condition holds; Playwright's own way needs eval, which the page's policy forbids."""
    page.evaluate(
        f"""new Promise((done, fail) => {{
            const look = () => ({condition}) ? done() : requestAnimationFrame(look);
            setTimeout(() => fail(new Error("20 seconds went by")), 20_000);
            look();
        }})"""
    )
