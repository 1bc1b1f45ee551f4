// Uses the types that openapi-typescript makes from /openapi.json: searches, and reports a click.
// Usage: node generated_client.js URL KEY
import type { components, paths } from "./lookalike.d.ts";

type SearchAnswer = components["schemas"]["SearchAnswer"];
type Problem = components["schemas"]["Problem"];
type TextSearch = paths["/v1/search/text"]["post"]["requestBody"]["content"]["application/json"];

declare const process: { argv: string[] };
const [url, key] = process.argv.slice(2) as [string, string];

async function ask<Answer>(path: string, body: unknown): Promise<Answer> {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (answer.ok) return (await answer.json()) as Answer;
  const problem = (await answer.json()) as Problem;
  throw new Error(`${problem.status} ${problem.code}: ${problem.detail}`);
}

const asked: TextSearch = { q: "red disc", k: 3, filter: "price < 100", sort: "relevance" };
const found = await ask<SearchAnswer>("/v1/search/text", asked);
const first = found.hits[0];
if (!first) throw new Error("nothing was found");
const click: components["schemas"]["Event"] = {
  kind: "click", query_id: found.query_id, product_id: first.product_id, position: 0,
};
const counted = await ask<components["schemas"]["EventsAnswer"]>("/v1/events", click);
console.log(`${first.product_id} ${first.title} ${first.price ?? "-"} ${counted.accepted}`);
