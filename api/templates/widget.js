// A search box for any page: <script src="https://search.shop.example/widget.js" async></script>. See docs/widget.md.
(() => {
  const script = document.currentScript;
  const server = new URL(script.src).origin;
  const given = { k: "12", ...script.dataset };
  const texts = {{ texts }};
  const asked = (given.lang || document.documentElement.lang || navigator.language).toLowerCase().split("-")[0];
  const lang = asked in texts ? asked : "en";
  const say = texts[lang];
  const STYLE = `
:host{display:block;color:var(--lookalike-text,CanvasText);font:inherit;container-type:inline-size}
*{box-sizing:border-box}[hidden]{display:none!important}
form{display:flex;flex-wrap:wrap;gap:8px}
input[type=search]{flex:1 1 180px;min-width:0}
input[type=search],button,.photo{min-height:44px;padding:0 14px;font:inherit;color:inherit;background:var(--lookalike-ground,Canvas);
border:1px solid var(--lookalike-line,#8a8a8a);border-radius:var(--lookalike-radius,10px)}
button,.photo{cursor:pointer;display:inline-flex;align-items:center;gap:6px}
.go{background:var(--lookalike-accent,#1f5eff);border-color:transparent;color:var(--lookalike-on-accent,#fff);font-weight:600}
:focus-visible,.photo:focus-within{outline:2px solid var(--lookalike-accent,#1f5eff);outline-offset:2px}
.file{position:absolute;width:1px;height:1px;opacity:0}
.chosen{display:flex;align-items:center;gap:10px;margin-top:8px}
canvas{width:56px;height:56px;object-fit:cover;border-radius:var(--lookalike-radius,10px)}
.say{margin:12px 0}
ul{list-style:none;margin:0;padding:0;display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(150px,45cqw),1fr))}
li{min-width:0;overflow-wrap:anywhere}
a{color:inherit;text-decoration:none;display:block}a:hover .title{text-decoration:underline}
img{width:100%;aspect-ratio:4/5;object-fit:contain;display:block;background:#fff;border:1px solid var(--lookalike-line,#8a8a8a);
border-radius:var(--lookalike-radius,10px)}
.title{margin-top:6px}.price{font-weight:600}.more{margin-top:14px}
@media (forced-colors:active){.go{border-color:ButtonText}}`;
  const BODY = `<form role="search"><input type="search" name="q" maxlength="1000" enterkeyhint="search" autocomplete="off">
<label class="photo"><svg width="20" height="20" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true">
<path d="M4 8h3l2-3h6l2 3h3v11H4z"/><circle cx="12" cy="13" r="3.5"/></svg><span></span>
<input type="file" class="file" accept="image/*"></label><button class="go"></button></form><div class="chosen" hidden><canvas width="112" height="112" role="img"></canvas>
<button type="button" class="drop"></button></div><p class="say" role="status"></p><ul></ul>
<button type="button" class="more" hidden></button>`;

  const host = document.createElement("div");
  host.lang = lang;
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // unlike <style>, no Content-Security-Policy of the page forbids it
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  root.innerHTML = BODY;
  const find = (selector) => root.querySelector(selector);
  const [form, words, file, list, more, chosen] = ["form", "[name=q]", ".file", "ul", ".more", ".chosen"].map(find);
  words.placeholder = say.words;
  words.setAttribute("aria-label", say.words);
  find(".photo span").textContent = say.photo;
  find(".go").textContent = say.search;
  find(".drop").textContent = say.drop;
  find("canvas").setAttribute("aria-label", say.yours);
  more.textContent = say.more;

  let photo = null; // a small JPEG, then the id under which the server keeps it
  let cursor = null;
  let running = null;

  const tell = (text) => { find(".say").textContent = text; };

  function request(next) {
    const fields = { k: given.k, ...(given.filter && { filter: given.filter }), ...(next && { cursor: next }) };
    const text = words.value.trim();
    if (!photo) return ask(`/v1/search/text?${new URLSearchParams({ q: text, ...fields })}`);
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...fields, ...(text && { text }) })) body.append(name, value);
    body.append(photo.id ? "photo_id" : "file", photo.id || photo.blob, ...(photo.id ? [] : ["photo.jpg"]));
    return ask("/v1/search/image", { method: "POST", body });
  }

  async function ask(path, options = {}) {
    const headers = given.key ? { Authorization: `Bearer ${given.key}` } : {};
    const answer = await fetch(server + path, { ...options, headers, signal: running.signal, credentials: "omit" });
    if (answer.ok) return answer.json();
    throw Object.assign(new Error(), { status: answer.status });
  }

  const problem = ({ status }) =>
    status === undefined ? say.offline : [401, 403, 421].includes(status) ? say.refused : [429, 503].includes(status) ? say.wait
      : [413, 415, 422].includes(status) ? say.unreadable : say.failed;

  async function search(next = null) {
    if (!photo && !words.value.trim()) return words.focus();
    running?.abort();
    const mine = (running = new AbortController());
    if (!next) list.replaceChildren();
    more.hidden = true;
    tell(say.busy);
    try {
      let answer;
      try { answer = await request(next); } catch (error) {
        if (error.status !== 404 || !photo?.id) throw error;
        photo.id = null; // no longer kept there
        answer = await request(next);
      }
      if (photo && answer.photo_id) photo.id = answer.photo_id;
      show(answer, next);
    } catch (error) {
      if (mine !== running) return;
      tell(problem(error));
      if (problem(error) === say.unreadable) forget(); // it can never be searched by
    }
  }

  function forget() {
    photo = null;
    chosen.hidden = true;
  }

  function show({ query_id, hits, no_match, next_cursor }, next) {
    const cards = hits.map((hit) => card(hit, query_id));
    list.append(...cards);
    if (next) cards[0]?.querySelector("a")?.focus();
    cursor = next_cursor;
    more.hidden = !cursor;
    tell(!list.children.length ? say.none : no_match && !next ? say.unsure : say.hits.replace("%(count)s", list.children.length));
  }

  function card(hit, query_id) {
    const own = /^https?:\/\//i.test(hit.url);
    const link = make("a", { href: own ? hit.url : `${server}/p/${encodeURIComponent(hit.product_id)}` });
    if (given.window === "new") Object.assign(link, { target: "_blank", rel: "noopener" });
    if (hit.image_url) link.append(make("img", { src: server + hit.image_url, alt: "", loading: "lazy" }));
    link.append(make("div", { className: "title", textContent: hit.title || hit.product_id }));
    if (hit.price !== null) link.append(make("div", { className: "price", textContent: money(hit.price, hit.currency) }));
    for (const name of ["click", "auxclick"]) link.addEventListener(name, () => tellOpened(query_id, hit.product_id));
    const item = make("li", {});
    item.append(link);
    return item;
  }

  // The nightly rebuild learns what fits which search. The name of the session lasts as long as this page.
  const session = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("");
  function tellOpened(query_id, product_id) {
    if (given.clicks === "off") return;
    const body = JSON.stringify({ session, query_id, product_id });
    const options = { method: "POST", keepalive: true, credentials: "omit", headers: { "Content-Type": "application/json" }, body };
    fetch(`${server}/v1/events/page`, options).catch(() => {});
  }

  const make = (name, values) => Object.assign(document.createElement(name), values);

  function money(price, currency) {
    try { return new Intl.NumberFormat(lang, { style: "currency", currency }).format(price); } catch { return String(price); }
  }

  // Photos travel small: at most 1,024 pixels a side, upright.
  async function choose(content) {
    try {
      const image = await createImageBitmap(content);
      const scale = Math.min(1, 1024 / Math.max(image.width, image.height));
      const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
      const canvas = make("canvas", { width, height });
      const paper = canvas.getContext("2d");
      paper.fillStyle = "#fff"; // under what is transparent, as on the server
      paper.fillRect(0, 0, width, height);
      paper.drawImage(image, 0, 0, width, height);
      photo = { blob: await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85)) };
      find("canvas").getContext("2d").drawImage(image, 0, 0, 112, 112);
    } catch {
      photo = { blob: content }; // HEIC, say: the server may read what this browser cannot
      find("canvas").getContext("2d").clearRect(0, 0, 112, 112);
    }
    chosen.hidden = false;
    search();
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  more.addEventListener("click", () => search(cursor));
  file.addEventListener("change", () => { if (file.files[0]) choose(file.files[0]); file.value = ""; });
  find(".drop").addEventListener("click", () => {
    forget();
    list.replaceChildren();
    more.hidden = true;
    tell("");
    words.focus();
    if (words.value.trim()) search();
  });

  const target = given.target && document.querySelector(given.target);
  if (target) target.append(host);
  else script.after(host);
})();
