// The things in the shopper's photo, as buttons over it; they come when the photo is opened, and only then.
import { askBeside } from "./asking.js";

const find = (id) => document.getElementById(id);
const known = new Map(); // photo id -> what the server found in it
let wanted = "";

// Shows the buttons over the opened photo; `choose` gets the box of the one that is chosen, as the text of four pixels.
export async function showThings(photo, preview, choose) {
  wanted = photo;
  find("things").replaceChildren();
  find("things-note").textContent = find("things-note").dataset.none;
  if (!photo) return; // the server does not keep it
  try {
    if (!known.has(photo)) known.set(photo, await askBeside(`/photos/${photo}/things`));
    await preview.decode();
  } catch { return; } // the photo can still be searched by, as a whole or by a box that is drawn
  const { status, html } = known.get(photo);
  if (status !== 200) known.delete(photo);
  if (status !== 200 || wanted !== photo) return;
  const found = new DOMParser().parseFromString(html, "text/html").querySelector("[data-note]");
  for (const thing of found.querySelectorAll(".thing")) put(thing, preview, choose);
  find("things").replaceChildren(...found.children);
  if (found.dataset.note) find("things-note").textContent = found.dataset.note;
}

function put(thing, { naturalWidth: width, naturalHeight: height }, choose) {
  const [x0, y0, x1, y1] = JSON.parse(thing.dataset.box);
  const share = (part, whole) => `${(part / whole) * 100}%`;
  Object.assign(thing.style, { left: share(x0, width), top: share(y0, height), width: share(x1 - x0, width), height: share(y1 - y0, height) });
  thing.querySelector("button").addEventListener("click", () => choose(thing.dataset.box.replaceAll(" ", "")));
}
