// The page of one product: its photos can be enlarged.
import "./clicks.js";
import { askIfLocked } from "./key.js";
import "./why.js";
import { watchForZoom } from "./zoom.js";

watchForZoom();
askIfLocked();
// After a reload of the panel's address, "back" leads to results that belong to the same document.
const here = location.pathname + location.search;
window.addEventListener("popstate", () => { if (location.pathname + location.search !== here) location.reload(); });
