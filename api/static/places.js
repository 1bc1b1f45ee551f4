// What the history's places showed, so that "back" and "forward" bring results back as they were: pages, scroll and all.
import { localPhoto } from "./photo.js";

const PARTS = ["state", "strip", "filters", "results"];
const MOST = 10; // places whose results are kept; those of older ones are asked for again
const MEMORY = "lookalike-places"; // of this tab, for when the document itself was left: how far each place was
const views = new Map(); // name of a place -> what it showed
const find = (id) => document.getElementById(id);
let shown = history.state?.view ?? newName();

history.scrollRestoration = "manual";
if (!history.state?.view) history.replaceState({ ...history.state, view: shown }, "");
window.addEventListener("pagehide", note);

function newName() {
  return `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
}

// Gives the next results a place of their own; what was shown before must have been remembered.
export function move(url) {
  shown = newName();
  history.pushState({ view: shown }, "", url);
}

// Remembers what is shown, unless that is half an answer.
export function remember() {
  if (find("results").hasAttribute("aria-busy")) return;
  views.delete(shown);
  views.set(shown, {
    parts: PARTS.map((part) => [...find(part).childNodes]), y: window.scrollY, title: document.title, q: find("q").value,
    searched: document.body.classList.contains("searched"),
  });
  if (views.size > MOST) views.delete(views.keys().next().value);
  note();
}

function note() {
  const places = JSON.parse(sessionStorage.getItem(MEMORY) ?? "{}");
  delete places[shown];
  places[shown] = { y: Math.round(window.scrollY), cards: document.querySelectorAll("#hits .card").length };
  sessionStorage.setItem(MEMORY, JSON.stringify(Object.fromEntries(Object.entries(places).slice(-50))));
}

// Whether the place that the history is at now is the one whose results are shown.
export const isShown = () => history.state?.view === shown;

// Shows what the history's place showed; false if that is no longer kept.
export function restore() {
  remember();
  shown = history.state?.view ?? newName();
  const view = views.get(shown);
  if (!view) return false;
  PARTS.forEach((part, place) => find(part).replaceChildren(...view.parts[place]));
  find("results").removeAttribute("aria-busy");
  for (const image of document.querySelectorAll("#strip img[data-photo]")) image.src = localPhoto(image) ?? `/photos/${image.dataset.photo}.jpg`;
  find("q").value = view.q;
  document.title = view.title;
  document.body.classList.toggle("searched", view.searched);
  window.scrollTo({ top: view.y, behavior: "instant" });
  return true;
}

// After the document was left: loads as many pages of hits as there were, by `more`, and scrolls there.
export async function catchUp(more) {
  const place = JSON.parse(sessionStorage.getItem(MEMORY) ?? "{}")[shown];
  if (!place) return;
  let link;
  while (document.querySelectorAll("#hits .card").length < place.cards && link !== (link = document.querySelector(".more-button")) && link) await more(link);
  window.scrollTo({ top: place.y, behavior: "instant" });
}
