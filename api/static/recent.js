// The last searches, kept in this browser alone and shown under the empty box.
import { localPhoto } from "./photo.js";

const NAME = "lookalike-recent";
const MOST = 8;
const box = document.getElementById("recent"), list = document.getElementById("recent-list"), input = document.getElementById("q");

function kept() {
  try {
    return JSON.parse(localStorage.getItem(NAME) ?? "[]").filter((search) => search.q || search.photo);
  } catch {
    return []; // somebody else's, or a browser that keeps nothing
  }
}

function keep(searches) {
  try {
    localStorage.setItem(NAME, JSON.stringify(searches.slice(0, MOST)));
  } catch {
    // this browser keeps nothing
  }
}

// Notes what a URL of this page searched for: its words and its photo's id, without filters.
export function note(url) {
  const query = new URL(url, location).searchParams;
  const search = { q: query.get("q")?.trim() ?? "", photo: query.get("photo") ?? "" };
  if (!search.q && !search.photo) return;
  keep([search, ...kept().filter((one) => one.q !== search.q || one.photo !== search.photo)]);
}

function show() {
  const searches = kept();
  if (input.value || !searches.length) return hide();
  list.replaceChildren(...searches.map(itemOf));
  box.hidden = false;
}

function itemOf(search) {
  const item = document.getElementById("recent-item").content.cloneNode(true).firstElementChild;
  const link = item.querySelector("a"), image = item.querySelector("img"), words = item.querySelector("span");
  link.href = `/?${new URLSearchParams(Object.entries(search).filter(([, value]) => value))}`;
  if (search.q) words.textContent = search.q; // else it says that it is a photo
  if (!search.photo) image.remove();
  else {
    image.dataset.photo = search.photo;
    image.src = localPhoto(image) ?? `/photos/${search.photo}.jpg`;
    image.addEventListener("error", () => { // the server keeps it no longer
      keep(kept().filter((one) => one.photo !== search.photo));
      item.remove();
      if (!list.childElementCount) hide();
    });
  }
  return item;
}

function hide() {
  box.hidden = true;
}

input.addEventListener("focus", show);
input.addEventListener("click", show);
input.addEventListener("input", show);
input.addEventListener("keydown", (event) => {
  if (box.hidden) return;
  if (event.key === "Escape") hide();
  if (event.key === "ArrowDown") {
    list.querySelector("a").focus();
    event.preventDefault();
  }
});
box.addEventListener("keydown", (event) => {
  const links = [...box.querySelectorAll("a, button")], place = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown") links[place + 1]?.focus();
  else if (event.key === "ArrowUp") (links[place - 1] ?? input).focus();
  else if (event.key === "Escape") {
    input.focus();
    hide();
  } else return;
  event.preventDefault();
});
box.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays until the click is through
box.addEventListener("click", (event) => { if (event.target.closest("a")) hide(); });
input.form.addEventListener("focusout", (event) => { if (!input.form.contains(event.relatedTarget)) hide(); });
document.getElementById("recent-clear").addEventListener("click", () => {
  localStorage.removeItem(NAME);
  input.focus();
  hide();
});
