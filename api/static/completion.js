// A list of completions under the search box: the ARIA 1.2 pattern of a combobox with a listbox.
import { keyHeader } from "./asking.js";

const PAUSE_MS = 80; // after the last key, before the server is asked
const input = document.getElementById("q"), list = document.getElementById("completions");
let timer = 0, asked = null, active = -1;

input.setAttribute("role", "combobox");
input.setAttribute("aria-autocomplete", "list");
input.setAttribute("aria-controls", list.id);
close();

export function close() {
  clearTimeout(timer);
  asked?.abort();
  list.hidden = true;
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

async function complete() {
  const typed = input.value;
  if (!typed.trim() || typed.length > 200) return close();
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await fetch(`/v1/queries/complete?${new URLSearchParams({ q: typed })}`, { headers: keyHeader(), signal: asked.signal });
    const found = answer.ok ? (await answer.json()).completions : [];
    if (input.value === typed && document.activeElement === input) show(found);
  } catch {
    // a newer question, or no server: there is nothing to complete
  }
}

function show(completions) {
  if (!completions.length) return close();
  list.replaceChildren(...completions.map(({ text }, place) => {
    const option = Object.assign(document.createElement("li"), { id: `completion-${place}`, textContent: text });
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    return option;
  }));
  list.hidden = false;
  active = -1;
  input.setAttribute("aria-expanded", "true");
  input.removeAttribute("aria-activedescendant");
}

function move(step) {
  const options = [...list.children];
  const places = options.length + 1; // the options, and the box itself before them
  active = ((active + 1 + step + places) % places) - 1;
  options.forEach((option, place) => option.setAttribute("aria-selected", String(place === active)));
  options[active]?.scrollIntoView({ block: "nearest" });
  if (active < 0) input.removeAttribute("aria-activedescendant");
  else input.setAttribute("aria-activedescendant", options[active].id);
}

function choose(option) {
  input.value = option.textContent;
  close();
  input.form.requestSubmit();
}

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(complete, PAUSE_MS);
});
input.addEventListener("keydown", (event) => {
  if (event.isComposing || list.hidden) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event.key === "ArrowDown" ? 1 : -1);
  else if (event.key === "Escape") close();
  else if (event.key === "Enter" && active >= 0) choose(list.children[active]);
  else return;
  event.preventDefault();
});
input.addEventListener("blur", close);
list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
list.addEventListener("click", (event) => {
  const option = event.target.closest("li");
  if (option) choose(option);
});
