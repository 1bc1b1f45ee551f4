// The shopper's photo: picked, taken, dropped or pasted; made small here; sent once.
import { send } from "./asking.js";

const SIDE = 1024; // pixels on the longer side
const MOST_BYTES = 80_000; // what a slow phone sends in a second; a photo with much noise is sent a little coarser
const find = (id) => document.getElementById(id);
let sent = null; // { file, small, id, url }: the photo of this page; `id` is empty if the server does not keep it

export const lastPhoto = () => sent?.file;

// A photo that the server does not keep, or that has not arrived yet, and so must travel with each search.
export const unkeptPhoto = () => (sent && !sent.id ? sent.file : undefined);

export function forgetPhoto() {
  if (sent) URL.revokeObjectURL(sent.url);
  sent = null;
  find("file").value = "";
}

// The address of the photo in this browser, which need not come back from the server.
export const localPhoto = (image) => (sent?.url && image.dataset.photo === sent.id ? sent.url : undefined);

export async function sendPhoto(file, query) {
  if (sent?.file !== file) {
    forgetPhoto();
    const small = await shrink(file);
    sent = { file, small, id: "", url: small ? URL.createObjectURL(small) : "" };
  }
  if (!sent.small && file.size > Number(find("file").dataset.mostBytes)) { // the server would refuse it
    forgetPhoto();
    return { status: 413, html: find("too-large").innerHTML };
  }
  const body = new FormData();
  for (const [name, value] of query) body.append(name, value);
  body.append("file", sent.small ?? file, "photo");
  body.append("fragment", "1");
  find("travel").hidden = false;
  tell(0);
  try {
    const answer = await send(body, tell);
    if (sent?.file === file) sent.id = answer.html.match(/name="photo" value="(\w+)"/)?.[1] ?? "";
    if (!sent?.id && [400, 413, 415, 422].includes(answer.status)) forgetPhoto(); // it can never be searched by
    return answer;
  } finally {
    find("travel").hidden = true;
  }
}

function tell(share) {
  find("progress").value = share;
  const { sending, looking } = find("progress-text").dataset;
  find("progress-text").textContent = share < 1 ? sending : looking;
}

// Returns a JPEG of at most 1,024 pixels a side, upright; null where this browser cannot read the photo.
export async function shrink(file) {
  try {
    const photo = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, SIDE / Math.max(photo.width, photo.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(photo.width * scale);
    canvas.height = Math.round(photo.height * scale);
    const paper = canvas.getContext("2d");
    paper.fillStyle = "#fff"; // under what is transparent, as on the server
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.imageSmoothingQuality = "high";
    paper.drawImage(photo, 0, 0, canvas.width, canvas.height);
    photo.close();
    const encode = (quality) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    const good = await encode(0.8);
    return good.size <= MOST_BYTES ? good : await encode(0.6);
  } catch {
    return null;
  }
}

export const isAddress = (text) => /^\s*https?:\/\/\S+\s*$/i.test(text ?? "");

// A photo's address, pasted or dropped: the form takes it in place of words, and the server fetches the photo.
function searchAddress(text, event) {
  if (!isAddress(text) || event.target.closest?.("dialog, input:not(#q)")) return;
  event.preventDefault();
  forgetPhoto();
  find("q").value = text.trim();
  find("search").requestSubmit();
}

// What is dragged from another page is its picture or, if there is none, the link.
function draggedAddress(data) {
  const page = new DOMParser().parseFromString(data.getData("text/html"), "text/html");
  return page.querySelector("img[src]")?.getAttribute("src") ?? data.getData("text/uri-list").split("\n")[0];
}

export function watchForPhotos(use) {
  const take = (files) => {
    const photo = [...(files ?? [])].find((file) => file.type.startsWith("image/") || /\.(heic|heif|avif)$/i.test(file.name));
    if (photo) use(photo);
    return photo;
  };
  for (const id of ["file", "camera"]) {
    find(id).addEventListener("change", (event) => {
      if (event.target.files[0]) use(event.target.files[0]);
      event.target.value = "";
    });
  }
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-pick]")) return;
    event.preventDefault();
    find("file").click();
  });
  find("take-photo").addEventListener("click", () => find("camera").click());
  document.addEventListener("paste", (event) => {
    if (take(event.clipboardData?.files)) return event.preventDefault();
    searchAddress(event.clipboardData?.getData("text/plain"), event);
  });
  let isOwn = false; // dragged from this page, where it is no shopper's photo
  document.addEventListener("dragstart", () => { isOwn = true; });
  document.addEventListener("dragend", () => { isOwn = false; });
  const isWanted = (event) => !isOwn && (event.dataTransfer?.types ?? []).some((type) => type === "Files" || type === "text/uri-list");
  document.addEventListener("dragover", (event) => {
    if (!isWanted(event)) return;
    event.preventDefault();
    find("drop").classList.add("shown");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) find("drop").classList.remove("shown");
  });
  document.addEventListener("drop", (event) => {
    find("drop").classList.remove("shown");
    if (!isWanted(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) return take([file]) ?? use(file); // what is no photo is told about by the server
    searchAddress(draggedAddress(event.dataTransfer), event);
  });
}
