/** Recipes by what they mean, in ChromaDB. */

import { meaning } from "./model.js";
import { settings } from "./settings.js";

const COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections";

let collection;

async function ask(path, body) {
  const { chroma, chromaToken } = settings();
  const headers = { "content-type": "application/json" };
  if (chromaToken) headers["x-chroma-token"] = chromaToken;
  const answer = await fetch(`${chroma}${path}`, {
    method: body ? "POST" : "GET",
    headers,
    body: body ? JSON.stringify(body) : undefined,
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`chroma: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return answer.json();
}

/** The path of our collection, made when it is not there. */
async function recipes() {
  // one collection for each embedding model: the vectors of another one have another length and another meaning
  const name = `recipes-${settings().embedding.replace(/[^a-z0-9]+/gi, "-")}`;
  collection ??= (await ask(COLLECTIONS, { name, get_or_create: true })).id;
  return `${COLLECTIONS}/${collection}`;
}

/** Forget which collection it was: one that was removed behind our back is made again. */
async function retried(act) {
  try {
    return await act(await recipes());
  } catch (error) {
    if (!/chroma: 404/.test(error.message)) throw error;
    collection = undefined;
    return act(await recipes());
  }
}

export async function remember(recipe) {
  const embeddings = [await meaning(`${recipe.title}\n${recipe.body}`)];
  await retried((path) =>
    ask(`${path}/upsert`, { ids: [String(recipe.id)], embeddings, documents: [recipe.title] }),
  );
}

/** The ids of the nearest recipes, nearest first. */
export async function nearest(words, limit = 5) {
  const query = { query_embeddings: [await meaning(words)], n_results: limit, include: ["distances"] };
  return (await retried((path) => ask(`${path}/query`, query))).ids[0];
}

export async function count() {
  return retried(async (path) => ask(`${path}/count`));
}
