// An API key, where the shop asks for one. It is kept until the tab is closed.
import { keyHeader } from "./asking.js";

const find = (id) => document.getElementById(id);
export const keyIsKept = () => Boolean(sessionStorage.getItem("lookalike-key"));

export function askForKey() {
  find("key-wrong").hidden = !keyIsKept(); // the one that was sent
  sessionStorage.removeItem("lookalike-key");
  const dialog = find("key-dialog");
  if (!dialog.open) dialog.showModal();
}

find("key-dialog").addEventListener("close", (event) => {
  const key = find("key").value.trim();
  find("key").value = "";
  if (event.target.returnValue !== "use" || !key) return;
  sessionStorage.setItem("lookalike-key", key);
  openWithKey();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-key]")) askForKey();
});

// Asks where the server has answered that it wants a key; with one that is kept, opens the page by it.
export function askIfLocked() {
  if (!document.querySelector('.notice[data-status="401"]')) return;
  if (keyIsKept()) openWithKey();
  else askForKey();
}

// Loads this page again with the key.
export async function openWithKey() {
  const response = await fetch(location.href, { headers: { Accept: "text/html", ...keyHeader() } });
  if (response.status === 401 || response.status === 403) return askForKey();
  const html = await response.text();
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const part of ["#state", "#strip", "#filters", "#results", "footer", "#sell-parts", "#product"]) {
    document.querySelector(part)?.replaceChildren(...page.querySelector(part).childNodes);
  }
  document.title = page.title;
  document.dispatchEvent(new Event("key-used"));
}
