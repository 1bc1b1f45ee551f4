// /docs: sends the request of a form and shows the answer, and the curl line that sends the same.
import { keyHeader } from "./asking.js";

const MOST_SHOWN = 20_000; // characters of an answer
const key = document.getElementById("docs-key");
const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

key.value = sessionStorage.getItem("lookalike-key") ?? "";
key.addEventListener("input", () => {
  if (key.value.trim()) sessionStorage.setItem("lookalike-key", key.value.trim());
  else sessionStorage.removeItem("lookalike-key");
});
for (const hidden of document.querySelectorAll("[data-by-script]")) hidden.hidden = false;

// The values of a field: one, but each line of a list and each of its files counts.
function valuesOf(field) {
  if (field.type === "file") return [...field.files];
  const texts = field.dataset.list === undefined ? [field.value] : field.value.split("\n");
  return texts.map((text) => text.trim()).filter(Boolean);
}

function requestOf(form) {
  let { path } = form.dataset;
  const query = new URLSearchParams();
  const parts = [];
  let body;
  for (const field of form.querySelectorAll("[data-in]")) {
    for (const value of valuesOf(field)) {
      if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(value));
      else if (field.dataset.in === "query") query.append(field.name, value);
      else if (field.dataset.in === "part") parts.push([field.name, value]);
      else body = value;
    }
  }
  const address = location.origin + path + (query.size ? `?${query}` : "");
  return { method: form.dataset.method, address, media: form.dataset.media, parts, body };
}

function curlOf({ method, address, media, parts, body }) {
  const words = ["curl", "-X", method];
  if (key.value.trim()) words.push("-H", quoted("Authorization: Bearer KEY"));
  if (body !== undefined) words.push("-H", quoted(`Content-Type: ${media}`), "--data-binary", quoted(body));
  for (const [name, value] of parts) words.push("-F", quoted(`${name}=${value instanceof File ? `@${value.name}` : value}`));
  return [...words, quoted(address)].join(" ");
}

async function send(form) {
  const asked = requestOf(form);
  const show = (name, text) => { form.querySelector(`[data-show=${name}]`).textContent = text; };
  form.querySelector("[data-answer]").hidden = false;
  show("curl", curlOf(asked));
  for (const name of ["status", "headers", "body"]) show(name, "");
  const options = { method: asked.method, headers: keyHeader() };
  if (asked.body !== undefined) {
    options.headers["Content-Type"] = asked.media;
    options.body = asked.body;
  } else if (asked.media === "multipart/form-data") {
    options.body = new FormData();
    for (const [name, value] of asked.parts) options.body.append(name, value);
  }
  const started = performance.now();
  try {
    const answer = await fetch(asked.address, options);
    const type = answer.headers.get("Content-Type") ?? "";
    const text = type.startsWith("image/") ? `${type}, ${(await answer.blob()).size} bytes` : await answer.text();
    show("status", `${answer.status} ${answer.statusText} · ${Math.round(performance.now() - started)} ms`);
    show("headers", [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n"));
    show("body", pretty(text).slice(0, MOST_SHOWN));
  } catch (error) {
    show("status", error.message);
  }
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target);
});
