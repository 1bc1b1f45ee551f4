// Asks the server, one question at a time: a newer one takes the place of the one before.
let running = null;

export const keyHeader = () => {
  const key = sessionStorage.getItem("lookalike-key");
  return key ? { Authorization: `Bearer ${key}` } : {};
};

// The parts of a page come in its language, also where a frame keeps the cookie away.
const headers = () => ({ Accept: "text/html", "Accept-Language": document.documentElement.lang, ...keyHeader() });

export function cancel() {
  running?.abort();
}

export async function ask(url) {
  const response = await fetch(url, { headers: headers(), signal: next() });
  return { status: response.status, html: await response.text() };
}

// Asks for something beside what is searched for, which goes on.
export async function askBeside(url) {
  const response = await fetch(url, { headers: headers() });
  return { status: response.status, html: await response.text() };
}

// Sends a form; `onProgress` is told the share that has arrived, from 0 to 1. (`fetch` cannot tell.)
export function send(body, onProgress, url = "/") {
  const signal = next();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onload = () => resolve({ status: request.status, html: request.responseText, url: request.responseURL });
    request.onerror = () => reject(new TypeError("the server cannot be reached"));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function next() {
  cancel();
  running = new AbortController();
  return running.signal;
}
