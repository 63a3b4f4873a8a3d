/** What needs neither packages nor services: `npm test`. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { has, lines, meaning, models, words } from "../lib/model.js";
import { titled } from "../lib/recipe.js";
import { base, load } from "../lib/settings.js";

const REQUIRED = {
  DATABASE_URL: "postgresql://a:b@127.0.0.1/c",
  REDIS_URL: "redis://127.0.0.1",
  CHROMA_URL: "http://127.0.0.1:8000/",
  OLLAMA_HOST: "127.0.0.1:11434",
};

let ollama;
let asked = [];

before(async () => {
  ollama = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    asked.push([request.url, pieces.length ? JSON.parse(Buffer.concat(pieces)) : null]);
    if (request.url === "/api/tags") response.end('{"models":[{"name":"mistral:7b"}]}');
    else if (request.url === "/api/embed") response.end('{"embeddings":[[1,0]]}');
    else if (asked.at(-1)[1].prompt === "nothing") response.writeHead(404).end('{"error":"no such model"}');
    else response.end('{"response":"warm "}\n{"response":"soup"}\n{"response":"","done":true}\n');
  });
  await new Promise((resolve) => ollama.listen(0, "127.0.0.1", resolve));
  Object.assign(process.env, REQUIRED, { OLLAMA_HOST: `127.0.0.1:${ollama.address().port}`, OLLAMA_MODEL: "tinyllama" });
});

after(() => ollama.close());

for (const missing of Object.keys(REQUIRED)) {
  test(`a missing ${missing} is named`, () => {
    const { [missing]: _, ...rest } = REQUIRED;
    assert.throws(() => load(rest), new Error(`flavor-monk: missing in the environment: ${missing}`));
  });
}

test("keys of providers are never kept, only whether they are there", () => {
  const kept = JSON.stringify(load({ ...REQUIRED, OPENAI_API_KEY: "hunter2" }));
  assert.ok(!kept.includes("hunter2"));
  assert.deepEqual(JSON.parse(kept).providers, { replicate: false, openai: true });
});

test("Ollama's address may come with its scheme and without", () => {
  assert.equal(base("127.0.0.1:11434"), "http://127.0.0.1:11434");
  assert.equal(base("http://127.0.0.1:11434/"), "http://127.0.0.1:11434");
});

test("a model without a tag is its latest", () => {
  assert.ok(has(["all-minilm:latest"], "all-minilm"));
  assert.ok(!has(["mistral:latest"], "mistral:7b"));
});

test("lines are whole however their bytes were cut", async () => {
  const bytes = new TextEncoder().encode('{"a":"é"}\n{"b":2}\n{"c":3}');
  for (let size = 1; size < bytes.length; size += 1) {
    const pieces = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
    assert.deepEqual(await collected(lines(pieces)), ['{"a":"é"}', '{"b":2}', '{"c":3}']);
  }
});

async function collected(source) {
  const found = [];
  for await (const each of source) found.push(each);
  return found;
}

test("words come as the model says them, from the model that was chosen", async () => {
  assert.deepEqual(await collected(words("lentils")), ["warm ", "soup"]);
  assert.equal(asked.at(-1)[1].model, "tinyllama");
});

test("a model that says no is an error with its reason", async () => {
  await assert.rejects(words("nothing").next(), /ollama: 404 .*no such model/);
});

test("models and meanings are what Ollama says", async () => {
  assert.deepEqual(await models(), ["mistral:7b"]);
  assert.deepEqual(await meaning("soup"), [1, 0]);
});

test("a title is the first line without its marks", () => {
  assert.equal(titled("x", "## **Lentil Soup**\n\n1. Cook."), "Lentil Soup");
  assert.equal(titled("lentils", "  \n"), "lentils");
  assert.equal(titled("x", "y".repeat(500)).length, 120);
});
