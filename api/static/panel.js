// A product over the results, at an address of its own: "back" closes it, and the results lie there untouched.
import { ask } from "./asking.js";
import { isBeside } from "./beside.js";
import { watchForZoom } from "./zoom.js";

const panel = document.getElementById("panel"), body = document.getElementById("panel-body");
let titleBefore; // of the page without the panel

export const isProduct = (url) => new URL(url, location).pathname.startsWith("/p/");
export const isOpen = () => panel.open;

// Opens a product's page as the panel. `push`: whether it gets a place of its own in the history.
export async function openProduct(url, { push = true } = {}) {
  if (push) history.pushState({ ...history.state, depth: (history.state?.depth ?? 0) + 1 }, "", url);
  if (!panel.open) {
    titleBefore = document.title;
    body.replaceChildren(document.getElementById("loading-product").content.cloneNode(true));
    panel.showModal();
  }
  panel.setAttribute("aria-busy", "true");
  try {
    const { html, status } = await ask(`${url}${url.includes("?") ? "&" : "?"}fragment=1`);
    show(html, status);
  } catch (error) {
    if (error.name === "AbortError") return;
    body.replaceChildren(document.getElementById("no-server").content.cloneNode(true));
    body.querySelector("a").href = url;
    body.querySelector("a").dataset.panel = "";
  } finally {
    panel.removeAttribute("aria-busy");
  }
}

function show(html, status) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  const found = answer.querySelector(".product-page") ?? answer.querySelector(".notice");
  body.replaceChildren(found);
  panel.scrollTop = 0;
  if (status === 200) document.title = found.dataset.title;
  const heading = body.querySelector("h1, h2");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

// Takes the panel away; its place in the history is left already.
export function closePanel() {
  if (!panel.open) return;
  panel.close();
  body.replaceChildren();
  document.title = titleBefore;
}

const leave = () => history.go(-(history.state?.depth ?? 1));
document.getElementById("panel-close").addEventListener("click", leave);
panel.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
panel.addEventListener("click", (event) => { if (isBeside(event)) leave(); });
watchForZoom();
