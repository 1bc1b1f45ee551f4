// The page works without this; with it a search changes only the parts that it must, and photos travel small.
import { ask, cancel } from "./asking.js";
import "./clicks.js";
import { openPhoto } from "./box.js";
import { close as closeCompletions } from "./completion.js";
import { askForKey, askIfLocked } from "./key.js";
import { closePanel, isProduct, openProduct } from "./panel.js";
import { busy, idle, put, showMore, unreachable } from "./parts.js";
import { forgetPhoto, isAddress, lastPhoto, sendPhoto, unkeptPhoto, watchForPhotos } from "./photo.js";
import { note } from "./recent.js";
import { catchUp, isShown, move, remember, restore } from "./places.js";
import "./why.js";

const find = (id) => document.getElementById(id);
const form = find("search");

function fields() {
  const data = new FormData(form);
  data.delete("file");
  return new URLSearchParams([...data].filter(([, value]) => value !== ""));
}

function addressIn(language) {
  const query = new URLSearchParams(location.search);
  query.set("lang", language);
  return query;
}

// Shows what a URL of this page asks for. `focus`: the element that the shopper is led to.
async function go(url, { push = true, focus = null } = {}) {
  const query = new URL(url, location).searchParams;
  if (push && unkeptPhoto()) return void search(unkeptPhoto(), query);
  if (push) {
    remember();
    move(url);
  }
  busy();
  const answer = await ask(`/?${query}&fragment=1`).catch((error) => {
    if (error.name !== "AbortError") unreachable(url);
  });
  if (answer?.status === 404 && query.has("photo") && lastPhoto()) search(lastPhoto(), query); // gone there
  else if (answer) {
    const shown = finish(answer, focus);
    if (shown && isAddress(query.get("q")) && !new URL(shown, location).searchParams.has("q")) { // a photo now
      history.replaceState(history.state, "", shown);
      find("q").value = "";
    }
  }
}

async function search(photo, query = fields()) {
  for (const name of photo === lastPhoto() ? ["photo"] : ["photo", "product", "box", "like", "unlike"]) query.delete(name);
  remember();
  busy({ ghosts: true });
  const answer = await sendPhoto(photo, query).catch((error) => {
    if (error.name === "AbortError") idle();
    else unreachable(`/?${query}`);
  });
  const url = answer && finish(answer, find("results"));
  if (url && url !== location.pathname + location.search) move(url);
}

function finish(answer, focus) {
  const url = put(answer);
  if (url && answer.status === 200) note(url);
  (focus?.querySelector("h2[tabindex]") ?? focus)?.focus({ preventScroll: true });
  if (answer.status === 401 || answer.status === 403) askForKey();
  return url;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  closeCompletions();
  const query = fields();
  if (find("q").value.trim() !== (new URL(location).searchParams.get("q") ?? "")) { // new words
    for (const name of ["product", "like", "unlike", "as_typed"]) query.delete(name);
  }
  if (!["q", "photo", "product"].some((name) => query.get(name)?.trim()) && !unkeptPhoto()) return find("q").focus();
  go(`/?${query}`, { focus: find("results") });
});

document.addEventListener("change", (event) => {
  if (event.target.form === form && event.target.closest("#filters, #results")) go(`/?${fields()}`);
});

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("a");
  if (link?.matches("[data-language]")) link.search = addressIn(link.lang); // the script may have searched meanwhile
  if (!link?.matches("[data-search], [data-panel], .more-button, #photo-open")) return;
  event.preventDefault();
  if (link.matches("[data-panel]")) return openProduct(link.getAttribute("href"));
  const leaves = link.matches(".card a:not([data-judge]), #panel a");
  closePanel();
  if (link.id === "photo-open") return openPhoto(link.querySelector("img"), (box) => {
    form.elements.box.value = box;
    go(`/?${fields()}`, { focus: find("results") });
  });
  if (link.matches(".more-button")) return showMore(link);
  if (link.matches("[data-forget]")) forgetPhoto();
  find("q").value = new URL(link.href).searchParams.get("q") ?? "";
  go(link.getAttribute("href"), { focus: leaves ? find("results") : null });
  if (leaves) window.scrollTo({ top: 0 });
});

window.addEventListener("popstate", async () => {
  cancel();
  if (isProduct(location)) return openProduct(location.pathname + location.search, { push: false });
  closePanel();
  if (isShown() || restore()) return;
  find("q").value = new URL(location).searchParams.get("q") ?? "";
  await go(location.href, { push: false });
  catchUp(showMore);
});

find("cancel").addEventListener("click", () => {
  forgetPhoto();
  cancel();
  restore();
});
document.addEventListener("key-used", () => { if (unkeptPhoto()) search(unkeptPhoto()); });
watchForPhotos((photo) => search(photo));
askIfLocked();
if (find("hits")) note(location.href);
catchUp(showMore);
