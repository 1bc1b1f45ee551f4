// A photo over the whole screen: enlarged by a click, two fingers, the wheel or + and -; moved by dragging or arrow keys.
const MOST = 4; // times its size on the screen
const CLICKED = 2.5;
let dialog = null, image = null;
let scale = 1, x = 0, y = 0; // how far the photo's middle is from the screen's, in pixels
const fingers = new Map(); // pointer id -> where it is
let moved = false, gap = 0;

export function watchForZoom() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-zoom]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link);
  });
}

function open(link) {
  dialog ??= build();
  image.src = link.href;
  image.alt = link.querySelector("img").alt;
  set(1);
  dialog.showModal();
  image.focus();
}

function build() {
  const made = Object.assign(document.createElement("dialog"), { id: "zoom" });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "round" });
  const icon = document.getElementById("close-words").content.cloneNode(true);
  close.append(icon);
  image = Object.assign(new Image(), { tabIndex: 0, draggable: false });
  made.append(close, image);
  document.body.append(made);
  made.setAttribute("aria-label", close.textContent.trim());
  close.addEventListener("click", () => made.close());
  made.addEventListener("pointerdown", down);
  made.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) made.addEventListener(end, (event) => { fingers.delete(event.pointerId); gap = 0; });
  made.addEventListener("click", (event) => {
    if (moved || event.target.closest("button")) return;
    set(scale > 1 ? 1 : CLICKED, event);
  });
  made.addEventListener("wheel", (event) => { event.preventDefault(); set(scale * Math.exp(-event.deltaY / 400), event); }, { passive: false });
  made.addEventListener("keydown", key);
  return made;
}

function down(event) {
  if (event.target.closest("button")) return;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 1) moved = false;
}

function move(event) {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
  if (!moved && Math.hypot(dx, dy) < 4) return; // a click that trembles
  moved = true;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 2) {
    const [one, two] = [...fingers.values()];
    const apart = Math.hypot(one.x - two.x, one.y - two.y);
    if (gap) set(scale * apart / gap, { clientX: (one.x + two.x) / 2, clientY: (one.y + two.y) / 2 });
    gap = apart;
  } else if (scale > 1) shift(dx, dy);
}

function key(event) {
  const steps = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };
  if (event.target.closest("button")) return;
  if (event.key === "+" || event.key === "=") set(scale * 1.5);
  else if (event.key === "-") set(scale / 1.5);
  else if (event.key === "Enter" || event.key === " ") set(scale > 1 ? 1 : CLICKED);
  else if (steps[event.key]) shift(...steps[event.key]);
  else return;
  event.preventDefault();
}

// Enlarges so that what is under the pointer stays there.
function set(wanted, at = null) {
  const next = Math.min(MOST, Math.max(1, wanted));
  if (at) {
    const [px, py] = [at.clientX - innerWidth / 2, at.clientY - innerHeight / 2];
    x = px - (px - x) * next / scale;
    y = py - (py - y) * next / scale;
  }
  scale = next;
  shift(0, 0);
}

// Moves the photo, no further than to its edge.
function shift(dx, dy) {
  const [sideways, upright] = [image.clientWidth, image.clientHeight].map((side, place) => Math.max(0, (side * scale - [innerWidth, innerHeight][place]) / 2));
  x = Math.min(sideways, Math.max(-sideways, x + dx));
  y = Math.min(upright, Math.max(-upright, y + dy));
  image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  image.classList.toggle("enlarged", scale > 1);
}
