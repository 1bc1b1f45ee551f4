// After a photo is chosen: what it shows, as chips with their probability; picking one narrows the search to it.
"use strict";
(() => {
  const labels = document.getElementById("labels"), preview = document.getElementById("preview");
  const form = document.getElementById("search"), file = document.getElementById("file");
  const category = form.elements.category;
  let asked = null;

  async function recognise() {
    labels.hidden = true;
    asked?.abort();
    const photo = file.files[0];
    if (!photo) return;
    asked = new AbortController();
    const body = new FormData();
    body.append("file", photo, photo.name || "photo");
    body.append("k", "5");
    const key = sessionStorage.getItem("lookalike-key");
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    try {
      const answer = await fetch("/v1/recognize", { method: "POST", body, headers, signal: asked.signal });
      if (answer.ok) show(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") labels.hidden = true; // the search itself says that the server is gone
    }
  }

  function show(found) {
    const likely = found.labels.filter((label) => label.probability >= 0.02);
    const title = Object.assign(document.createElement("p"), { className: "quiet" });
    title.textContent = found.abstained ? "Perhaps one of these?" : "It shows";
    labels.replaceChildren(title, ...likely.map(chip));
    labels.hidden = !likely.length;
  }

  function chip({ label, probability }) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "label-chip" });
    button.append(label, Object.assign(document.createElement("span"), { textContent: `${Math.round(probability * 100)}%` }));
    button.setAttribute("aria-pressed", String(category.value === label));
    button.addEventListener("click", () => choose(label));
    return button;
  }

  function choose(label) {
    const wanted = category.value === label ? "" : label;
    if (wanted && ![...category.options].some((option) => option.value === wanted)) category.add(new Option(wanted));
    category.value = wanted;
    for (const button of labels.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Boolean(wanted) && button.firstChild.textContent === wanted));
    }
    form.querySelector(".filters").open = true;
    category.dispatchEvent(new Event("change", { bubbles: true }));
  }

  preview.addEventListener("load", recognise);
  document.getElementById("photo-remove").addEventListener("click", () => { labels.hidden = true; });
})();
