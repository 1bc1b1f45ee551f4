// The photo, large, with the box around the part that counts: drawn, moved, resized by pointer or by keyboard.
import { isBeside } from "./beside.js";
import { showThings } from "./things.js";

const find = (id) => document.getElementById(id);
const dialog = find("photo-dialog"), stage = find("stage"), crop = find("crop"), preview = find("preview");
const LEAST = 0.06; // of the photo's width or height
const LEAST_PIXELS = 16; // a smaller box is refused by the server
const STEADY = 4; // pixels within which a pointer presses a thing's button, rather than draws from there
const within = (value) => Math.min(1, Math.max(0, value));
let box = null; // x0, y0, x1, y1 as shares of the photo's width and height; null: the whole photo
let drag = null;
let use = () => {};

// Opens the photo of an image element; `done` gets the chosen box, as the text of four pixels, or "".
export function openPhoto(image, done) {
  use = done;
  preview.src = image.src;
  const pixels = JSON.parse(document.getElementById("search").elements.box.value || "null");
  preview.decode().then(() => {
    const { naturalWidth: width, naturalHeight: height } = preview;
    // On a slow phone a new box may be drawn by now.
    if (pixels && !box && !drag) box = [pixels[0] / width, pixels[1] / height, pixels[2] / width, pixels[3] / height];
    show();
  }, () => {});
  box = null;
  show();
  dialog.showModal();
  showThings(image.dataset.photo, preview, (pixels) => {
    dialog.close();
    use(pixels);
  });
}

function pixelsOf() {
  const { naturalWidth: width, naturalHeight: height } = preview;
  return box && [box[0] * width, box[1] * height, box[2] * width, box[3] * height].map(Math.round);
}

function show() {
  const [x0, y0, x1, y1] = box ?? [0, 0, 1, 1];
  crop.classList.toggle("drawn", Boolean(box));
  find("things").hidden = Boolean(box);
  Object.assign(crop.style, { left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%` });
  find("crop-reset").hidden = !box;
  const pixels = pixelsOf(), { whole, part } = find("crop-note").dataset;
  find("crop-note").textContent = pixels ? part.replace("{width}", pixels[2] - pixels[0]).replace("{height}", pixels[3] - pixels[1]) : whole;
}

function moved([x0, y0, x1, y1], dx, dy) {
  const [mx, my] = [Math.min(1 - x1, Math.max(-x0, dx)), Math.min(1 - y1, Math.max(-y0, dy))];
  return [x0 + mx, y0 + my, x1 + mx, y1 + my];
}

function between(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

function pointAt(event) {
  const frame = stage.getBoundingClientRect();
  return [within((event.clientX - frame.left) / frame.width), within((event.clientY - frame.top) / frame.height)];
}

stage.addEventListener("pointerdown", (event) => {
  const corner = event.target.dataset.corner;
  const start = pointAt(event);
  if (corner && box) drag = { from: [box[corner[0] === "0" ? 2 : 0], box[corner[1] === "0" ? 3 : 1]] }; // the corner across
  else if (box && event.target === crop) drag = { start, whole: box };
  else drag = { from: start };
  drag.pressed = event;
});
stage.addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (drag.pressed && Math.hypot(event.clientX - drag.pressed.clientX, event.clientY - drag.pressed.clientY) < STEADY) return;
  if (drag.pressed) stage.setPointerCapture(event.pointerId); // so that no button is pressed
  drag.pressed = null;
  const point = pointAt(event);
  box = drag.whole ? moved(drag.whole, point[0] - drag.start[0], point[1] - drag.start[1]) : between(drag.from, point);
  show();
});
stage.addEventListener("pointerup", () => {
  drag = null;
  const pixels = pixelsOf();
  const isSlip = pixels && Math.min(pixels[2] - pixels[0], pixels[3] - pixels[1]) < LEAST_PIXELS;
  if (isSlip || (box && Math.min(box[2] - box[0], box[3] - box[1]) < LEAST)) box = null;
  show();
});
stage.addEventListener("pointercancel", () => { drag = null; });

crop.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key === "Escape" && box) box = null;
  else if (moves[event.key]) {
    const [dx, dy] = moves[event.key].map((step) => step * 0.03);
    const [x0, y0, x1, y1] = box ?? [0.2, 0.2, 0.8, 0.8];
    box = event.shiftKey ? [x0, y0, within(Math.max(x0 + LEAST, x1 + dx)), within(Math.max(y0 + LEAST, y1 + dy))] : moved([x0, y0, x1, y1], dx, dy);
  } else return;
  event.preventDefault();
  show();
});

find("crop-reset").addEventListener("click", () => { box = null; show(); });
find("crop-use").addEventListener("click", () => {
  dialog.close();
  const pixels = pixelsOf();
  use(pixels ? JSON.stringify(pixels) : "");
});
dialog.addEventListener("click", (event) => { if (isBeside(event)) dialog.close(); });
