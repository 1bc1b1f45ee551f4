// The page works without this file; with it a search keeps the page, a photo can be dropped, pasted or cropped.
"use strict";
document.documentElement.classList.add("scripted");
const find = (id) => document.getElementById(id);
const form = find("search"), results = find("results"), fileInput = find("file"), productInput = find("product");
const crop = find("crop"), stage = find("stage"), preview = find("preview"), boxInput = find("box");
const IDLE_NOTE = "The whole photo counts.";
let running = null; // the search in flight; a newer one takes its place

// ---- asking the server ---------------------------------------------------------------------------------------

async function ask(request) {
  const headers = { Accept: "text/html" };
  const key = sessionStorage.getItem("lookalike-key");
  if (key) headers.Authorization = `Bearer ${key}`;
  running?.abort();
  running = new AbortController();
  const options = { headers, signal: running.signal };
  let url = `/?${request.query}&fragment=1`;
  if (request.body) {
    url = "/";
    options.method = "POST";
    options.body = request.body;
  }
  const response = await fetch(url, options);
  return { status: response.status, html: await response.text() };
}

async function search({ push = true } = {}) {
  const request = readForm();
  if (push) history.pushState(null, "", request.body ? "/" : `/?${request.query}`);
  document.body.classList.add("searched");
  results.replaceChildren(find("loading").content.cloneNode(true));
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(request);
    results.innerHTML = fragmentOf(answer);
    if (answer.status === 401 || answer.status === 403) askForKey();
  } catch (error) {
    if (error.name === "AbortError") return;
    showProblem("The server cannot be reached. Check the connection and search again.");
  }
  results.removeAttribute("aria-busy");
}

function readForm() {
  const data = new FormData(form);
  const photo = fileInput.files[0];
  data.delete("file");
  if (photo) {
    data.append("file", photo, photo.name || "photo");
    data.append("fragment", "1");
    return { query: "", body: data };
  }
  data.delete("box");
  for (const [name, value] of [...data]) if (value === "") data.delete(name);
  return { query: new URLSearchParams(data).toString(), body: null };
}

function fragmentOf({ status, html }) {
  if (!html.trimStart().startsWith("<!doctype")) return html;
  const page = new DOMParser().parseFromString(html, "text/html"); // an error that has a page of its own
  const notice = page.querySelector(".notice");
  notice?.querySelector("a")?.remove();
  notice?.setAttribute("data-status", status);
  return notice ? notice.outerHTML : "";
}

function showProblem(text) {
  const notice = document.createElement("section");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.append(Object.assign(document.createElement("h2"), { textContent: "That did not work" }));
  notice.append(Object.assign(document.createElement("p"), { textContent: text }));
  results.replaceChildren(notice);
}

async function showMore(link) {
  link.setAttribute("aria-disabled", "true");
  link.textContent = "Loading…";
  try {
    const answer = await ask({ query: new URL(link.href).search.slice(1), body: null });
    const next = new DOMParser().parseFromString(fragmentOf(answer), "text/html");
    const cards = [...next.querySelectorAll("#hits > li")];
    link.parentElement.replaceWith(next.querySelector(".more") ?? (answer.status === 200 ? "" : next.querySelector(".notice") ?? ""));
    find("hits").append(...cards);
    cards[0]?.querySelector("a")?.focus({ preventScroll: true });
  } catch (error) {
    if (error.name === "AbortError") return;
    link.removeAttribute("aria-disabled");
    link.textContent = "Show more";
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new FormData(form);
  if (String(data.get("q")).trim()) productInput.value = ""; // new words, no longer "similar to"
  if (!String(data.get("q")).trim() && !fileInput.files[0] && !productInput.value) {
    find("q").focus();
    return;
  }
  search();
});

form.querySelector(".filters").addEventListener("change", () => {
  if (find("q").value.trim() || fileInput.files[0] || productInput.value) search();
});

document.addEventListener("click", (event) => {
  const similar = event.target.closest("[data-similar]");
  const more = event.target.closest(".more-button");
  if ((!similar && !more) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (more) return void showMore(more);
  removePhoto();
  find("q").value = "";
  productInput.value = new URL(similar.href).searchParams.get("product");
  search();
  results.focus({ preventScroll: true });
  window.scrollTo({ top: Math.max(0, results.offsetTop - 16), behavior: "smooth" });
});

window.addEventListener("popstate", () => location.reload());

// ---- an API key, where the shop asks for one -----------------------------------------------------------------

function askForKey() {
  sessionStorage.removeItem("lookalike-key");
  const dialog = find("key-dialog");
  if (!dialog.open) dialog.showModal();
}

find("key-dialog").addEventListener("close", (event) => {
  const key = find("key").value.trim();
  find("key").value = "";
  if (event.target.returnValue !== "use" || !key) return;
  sessionStorage.setItem("lookalike-key", key);
  openPage();
});

// Loads this page again with the key, for its filters, its starting points and its results.
async function openPage() {
  const headers = { Accept: "text/html", Authorization: `Bearer ${sessionStorage.getItem("lookalike-key")}` };
  const response = await fetch(location.href, { headers });
  if (response.status === 401 || response.status === 403) return askForKey();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of ["#results", ".filter-grid", "footer"]) {
    document.querySelector(part).replaceChildren(...page.querySelector(part).childNodes);
  }
  if (fileInput.files[0]) search({ push: false });
}

if (results.querySelector('.notice[data-status="401"]')) {
  if (sessionStorage.getItem("lookalike-key")) openPage();
  else askForKey();
}

// ---- the photo: pick, drop, paste ----------------------------------------------------------------------------

function takePhoto(photo) {
  const holder = new DataTransfer();
  holder.items.add(photo);
  fileInput.files = holder.files;
  showPhoto();
}

function showPhoto() {
  const photo = fileInput.files[0];
  if (preview.src) URL.revokeObjectURL(preview.src);
  find("photo").hidden = !photo;
  clearCrop();
  if (!photo) return;
  productInput.value = "";
  preview.src = URL.createObjectURL(photo);
  search();
}

function removePhoto() {
  fileInput.value = "";
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.removeAttribute("src");
  find("photo").hidden = true;
  clearCrop();
}

fileInput.addEventListener("change", showPhoto);
find("camera").addEventListener("change", (event) => {
  if (event.target.files[0]) takePhoto(event.target.files[0]);
  event.target.value = "";
});
find("photo-remove").addEventListener("click", () => {
  removePhoto();
  if (find("q").value.trim()) search();
  else results.replaceChildren();
  find("q").focus();
});
document.addEventListener("paste", (event) => {
  const photo = [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/"));
  if (photo) takePhoto(photo);
});
const carriesFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
document.addEventListener("dragover", (event) => {
  if (!carriesFile(event)) return;
  event.preventDefault();
  find("drop").classList.add("shown");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) find("drop").classList.remove("shown");
});
document.addEventListener("drop", (event) => {
  find("drop").classList.remove("shown");
  if (!carriesFile(event)) return;
  event.preventDefault();
  const photo = event.dataTransfer.files[0];
  if (photo) takePhoto(photo);
});

// ---- the part of the photo that counts: a box in fractions of the shown photo ---------------------------------

let box = null;
let start = null;
const within = (value) => Math.min(1, Math.max(0, value));

function showBox() {
  crop.classList.toggle("drawn", Boolean(box));
  find("crop-reset").hidden = !box;
  const edges = box ?? [0, 0, 1, 1];
  crop.style.left = `${edges[0] * 100}%`;
  crop.style.top = `${edges[1] * 100}%`;
  crop.style.width = `${(edges[2] - edges[0]) * 100}%`;
  crop.style.height = `${(edges[3] - edges[1]) * 100}%`;
}

function useBox() {
  const [width, height] = [preview.naturalWidth, preview.naturalHeight];
  const pixels = box && [box[0] * width, box[1] * height, box[2] * width, box[3] * height].map(Math.round);
  boxInput.value = pixels ? JSON.stringify(pixels) : "";
  find("crop-note").textContent = pixels ? `Only ${pixels[2] - pixels[0]} × ${pixels[3] - pixels[1]} pixels count.` : IDLE_NOTE;
  if (fileInput.files[0]) search();
}

function clearCrop() {
  box = null;
  boxInput.value = "";
  find("crop-note").textContent = IDLE_NOTE;
  showBox();
}

function pointAt(event) {
  const frame = stage.getBoundingClientRect();
  return [within((event.clientX - frame.left) / frame.width), within((event.clientY - frame.top) / frame.height)];
}

stage.addEventListener("pointerdown", (event) => {
  start = pointAt(event);
  stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", (event) => {
  if (!start) return;
  const [x, y] = pointAt(event);
  box = [Math.min(x, start[0]), Math.min(y, start[1]), Math.max(x, start[0]), Math.max(y, start[1])];
  showBox();
});
stage.addEventListener("pointerup", () => {
  if (!start) return;
  start = null;
  if (box && (box[2] - box[0] < 0.04 || box[3] - box[1] < 0.04)) box = null; // a click, or a slip
  showBox();
  useBox();
});
stage.addEventListener("pointercancel", () => { start = null; });
find("crop-reset").addEventListener("click", () => { clearCrop(); useBox(); });

let settled = 0;
crop.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key === "Escape" && box) { clearCrop(); useBox(); return; }
  if (!moves[event.key]) return;
  event.preventDefault();
  const [dx, dy] = moves[event.key].map((step) => step * 0.03);
  const [x0, y0, x1, y1] = box ?? [0.2, 0.2, 0.8, 0.8];
  if (event.shiftKey) {
    box = [x0, y0, within(Math.max(x0 + 0.06, x1 + dx)), within(Math.max(y0 + 0.06, y1 + dy))];
  } else {
    const [mx, my] = [Math.min(1 - x1, Math.max(-x0, dx)), Math.min(1 - y1, Math.max(-y0, dy))];
    box = [x0 + mx, y0 + my, x1 + mx, y1 + my];
  }
  showBox();
  clearTimeout(settled);
  settled = setTimeout(useBox, 400); // search once the keys rest
});
showBox();
