// The seller's form works without this; with it photos travel small, a key can be given, and what was typed survives.
import { ask, send } from "./asking.js";
import { askForKey, keyIsKept, openWithKey } from "./key.js";
import { shrink, watchForPhotos } from "./photo.js";

const find = (id) => document.getElementById(id);
const form = find("sell");
const parts = find("sell-parts");
let waiting = null; // what was refused for want of a key: { action, body }

const parse = (html) => new DOMParser().parseFromString(html, "text/html");
const memory = () => `lookalike-offer ${new URL(location).searchParams.get("offer") ?? ""}`;

function tell(share) {
  const { sending, looking } = find("progress-text").dataset;
  find("progress").value = share;
  find("progress-text").textContent = share < 1 ? sending : looking;
}

const typed = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !/^(was\.|photo$|replace$)/.test(name));

async function submit(action, body) {
  const before = new Map(typed());
  find("travel").hidden = false;
  parts.setAttribute("aria-busy", "true");
  tell(0);
  try {
    const answer = await send(body, tell, action);
    if (answer.status === 401 || answer.status === 403) {
      waiting = { action, body };
      return askForKey();
    }
    waiting = null;
    put(answer, { push: true, before });
  } catch (error) {
    if (error.name !== "AbortError") say(find("no-server").content.cloneNode(true).firstElementChild);
  } finally {
    find("travel").hidden = true;
    parts.removeAttribute("aria-busy");
  }
}

// Puts an answer of the server into the page, and leads to what is new in it. What was typed since `before` stays.
function put({ status, html, url }, { push = false, before = new Map(typed()) } = {}) {
  const page = parse(html);
  const next = page.getElementById("sell-parts");
  if (!next) return say(page.querySelector(".notice") ?? find("no-server").content.cloneNode(true).firstElementChild);
  const meanwhile = typed().filter(([name, value]) => before.has(name) && value !== before.get(name));
  const { activeElement } = document;
  parts.replaceChildren(...next.childNodes);
  if (push && status === 200 && url) history.pushState(null, "", new URL(url).pathname + new URL(url).search);
  recall();
  fill(meanwhile);
  const lead = parts.querySelector("[data-lead]");
  (meanwhile.length && find(activeElement.id) || lead)?.focus();
  find("announce").textContent = (lead?.querySelector("h2") ?? lead)?.textContent.trim() ?? "";
}

function say(notice) {
  parts.querySelector(".notice")?.remove();
  notice.tabIndex = -1;
  parts.prepend(notice);
  notice.focus();
}

// What was typed and not sent yet is kept in this tab, for a reload.
function remember() {
  sessionStorage.setItem(memory(), JSON.stringify(typed()));
}

function recall() {
  fill(JSON.parse(sessionStorage.getItem(memory()) ?? "[]"));
}

function fill(pairs) {
  for (const [name, value] of pairs) {
    if (form.elements[name]) form.elements[name].value = value;
  }
}

form.addEventListener("input", remember);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  body.delete("file");
  submit(event.submitter?.getAttribute("formaction") ?? "/sell", body);
});
document.addEventListener("click", async (event) => {
  const language = event.target.closest("a[data-language]");
  if (language) {
    const query = new URLSearchParams(location.search);
    query.set("lang", language.lang);
    language.search = query;
  }
  const pick = event.target.closest("[data-fills]");
  if (pick) {
    find(pick.dataset.fills).value = pick.textContent;
    remember();
  }
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  getSelection().selectAllChildren(find("json")); // where the browser lets no script copy, the shopper's keys can
  await navigator.clipboard?.writeText(find("json").textContent);
  button.textContent = button.dataset.copied;
});
window.addEventListener("popstate", async () => put(await ask(location.href)));
document.addEventListener("key-used", () => { if (waiting) submit(waiting.action, waiting.body); });
watchForPhotos(async (file) => {
  const body = new FormData(form);
  body.set("file", (await shrink(file)) ?? file, "photo");
  submit("/sell", body);
});
form.classList.add("scripted");
recall();
if (document.querySelector('.notice[data-status="401"]')) {
  if (keyIsKept()) openWithKey();
  else askForKey();
}
