// Tells the server which hits are opened, liked or followed, so that the nightly rebuild learns what fits which search.
// A random name for this tab is all that it adds; nothing is told where the browser asks not to be followed.
const KEY = "lookalike-session";
const address = document.body.dataset.clicks; // absent: nothing is to be told

function session() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const fresh = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = sessionStorage.getItem(KEY) ?? fresh;
  sessionStorage.setItem(KEY, name);
  return name;
}

// Every link of a hit is a sign of interest, but for the one that refuses it and the one that takes a like back.
function tell(event) {
  const link = event.target.closest("[data-product] a, a[data-outgoing]");
  const product = link?.closest("[data-product]")?.dataset.product;
  const query = link?.closest("[data-query]")?.dataset.query;
  if (!product || !query || link.matches('[data-judge^="unlike"], [aria-current]')) return;
  const click = JSON.stringify({ session: session(), query_id: query, product_id: product });
  navigator.sendBeacon(address, new Blob([click], { type: "application/json" }));
}

if (address) {
  document.addEventListener("click", tell, { capture: true }); // before the hits make place for others
  document.addEventListener("auxclick", (event) => { if (event.button === 1) tell(event); }, { capture: true });
}
