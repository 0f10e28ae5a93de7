// Searches a built site with its own index and its own search program: node site_search.mjs SITE QUERY...
// Prints what a reader would see first for each query: {query: {location, title}}.
import { readdirSync, readFileSync } from "node:fs";
import vm from "node:vm";

const [site, ...queries] = process.argv.slice(2);
const folder = `${site}/assets/javascripts/workers`;
const program = readdirSync(folder).find((name) => /^search\..*\.js$/.test(name));
const { config, docs } = JSON.parse(readFileSync(`${site}/search/search_index.json`, "utf8"));

// The program is a web worker: it gets messages and posts its answers.
let receive, answered;
const context = vm.createContext({
  console,
  addEventListener: (_name, listener) => { receive = listener; },
  postMessage: (message) => answered(message),
});
context.self = context;
context.globalThis = context;
vm.runInContext(readFileSync(`${folder}/${program}`, "utf8"), context);

const ask = (data) => new Promise((resolve) => { answered = resolve; receive({ data }); });

await ask({ type: 0, data: { config, docs, options: {} } });
const first = {};
for (const query of queries) {
  const { data: { items } } = await ask({ type: 2, data: query });
  const [best] = items.length ? [...items[0]].sort((one, other) => other.score - one.score) : [];
  const plain = (title) => title.replace(/<[^>]+>/g, "");
  first[query] = best ? { location: best.location, title: plain(best.title) } : null;
}
console.log(JSON.stringify(first));
