// Puts what the server answers into the page: its parts, another page of hits, or what went wrong.
import { ask } from "./asking.js";
import { localPhoto } from "./photo.js";

const find = (id) => document.getElementById(id);
const results = find("results");
const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// Shows that an answer is on its way: over the old hits or, where there are none or others are meant, as empty cards.
export function busy({ ghosts = false } = {}) {
  document.body.classList.add("searched");
  if (ghosts || !find("hits")) results.replaceChildren(find("loading").content.cloneNode(true));
  results.setAttribute("aria-busy", "true");
}

export function idle() {
  results.removeAttribute("aria-busy");
  results.querySelector(".ghost")?.closest("section").remove();
}

// Puts the parts of an answer into their places; returns the URL that asks for it.
export function put({ status, html }) {
  const answer = parse(html);
  const parts = answer.querySelectorAll("[data-part]");
  const { activeElement: before } = document;
  const focused = nameOf(before);
  const open = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
  for (const part of parts) {
    for (const image of part.querySelectorAll("img[data-photo]")) image.src = localPhoto(image) ?? image.src;
    find(part.dataset.part).replaceChildren(...part.childNodes);
  }
  if (!parts.length) results.replaceChildren(noticeOf(answer, status));
  for (const id of open) find(id)?.setAttribute("open", "");
  const after = focused ? document.querySelector(focused) : null;
  if (after?.matches(".range input")) after.value = before.value; // what is being typed goes on
  if (after) after.focus({ preventScroll: true });
  else if (focused) results.focus({ preventScroll: true }); // a hit that is gone
  results.removeAttribute("aria-busy");
  announce(results);
  const state = answer.querySelector("[data-url]");
  if (!state) return "";
  document.title = state.dataset.title;
  document.body.classList.toggle("searched", state.dataset.url !== "/?");
  return state.dataset.url;
}

// Tells people who cannot see it how many hits have come. (What went wrong is an alert, and speaks for itself.)
function announce(part) {
  find("announce").textContent = part.querySelector("[data-announce]")?.dataset.announce ?? "";
}

export function unreachable(url) {
  results.replaceChildren(find("no-server").content.cloneNode(true));
  results.removeAttribute("aria-busy");
  results.querySelector("a").href = url;
}

export async function showMore(link) {
  link.setAttribute("aria-disabled", "true");
  const words = link.textContent;
  link.textContent = link.dataset.loading;
  try {
    const { status, html } = await ask(`${link.getAttribute("href")}&fragment=1`);
    const next = parse(html);
    const first = next.querySelector("#hits .card a");
    announce(next);
    link.parentElement.replaceWith(next.querySelector(".more") ?? (status === 200 ? "" : noticeOf(next, status)));
    for (const group of next.querySelectorAll("#hits > .group")) append(group);
    first?.focus({ preventScroll: true });
  } catch (error) {
    if (error.name === "AbortError") return;
    link.removeAttribute("aria-disabled");
    link.textContent = words;
  }
}

// Adds a group of hits to the one of the same name, or behind the others.
function append(group) {
  const same = find("hits").querySelector(`[data-group="${group.dataset.group}"] ul`);
  if (same) return same.append(...group.querySelectorAll(".card"));
  find("hits").append(group);
}

// An error may come as a page of its own, or as one part.
function noticeOf(page, status) {
  const notice = page.querySelector(".notice") ?? find("no-server").content.cloneNode(true).firstElementChild;
  notice.setAttribute("data-status", status);
  return notice;
}

function nameOf(element) {
  if (element?.dataset.judge) return `[data-judge="${CSS.escape(element.dataset.judge)}"]`;
  if (!element?.name || !element.closest("#filters, #results")) return "";
  const value = element.type === "checkbox" ? `[value="${CSS.escape(element.value)}"]` : "";
  return `[name="${CSS.escape(element.name)}"]${value}`;
}
