// What is alike in two photos, in a dialog, when a shopper asks for it.
import { askBeside } from "./asking.js";
import { isBeside } from "./beside.js";

const dialog = document.getElementById("why"), body = document.getElementById("why-body");
let wanted = "";

async function show(url) {
  wanted = url;
  body.textContent = body.dataset.looking;
  dialog.showModal();
  const answer = await askBeside(`${url}&fragment=1`).catch(() => null);
  if (wanted !== url || !dialog.open) return;
  const found = answer?.status === 200 && new DOMParser().parseFromString(answer.html, "text/html").querySelector(".why-parts");
  if (found) body.replaceChildren(found);
  else body.textContent = body.dataset.failed;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-why]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.getAttribute("href"));
});
document.getElementById("why-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (isBeside(event)) dialog.close(); });
