import { prove } from "../../../lib/cache.js";
import { has, models } from "../../../lib/model.js";
import * as search from "../../../lib/search.js";
import { settings } from "../../../lib/settings.js";
import * as store from "../../../lib/store.js";

export const dynamic = "force-dynamic";

const PATIENCE = 5000;
const GOOD = "healthy";
const BAD = "unhealthy";

/** 200 only when each part has really answered. Why one has not is in the journal, not on the internet. */
export async function GET() {
  const { model, embedding, release, providers } = settings();
  const [database, redis, chroma, ollama] = await Promise.all([
    part("database", store.count),
    part("redis", prove),
    part("chroma", search.count),
    part("ollama", async () => {
      const names = await models();
      for (const wanted of [model, embedding]) {
        if (!has(names, wanted)) throw new Error(`${wanted} is not on the box`);
      }
    }),
  ]);
  const parts = { database, redis, chroma, ollama };
  const well = Object.values(parts).every((said) => said === GOOD);
  const body = { status: well ? GOOD : BAD, ...parts, model, release, providers };
  return Response.json(body, { status: well ? 200 : 503 });
}

async function part(name, act) {
  let late;
  const limit = new Promise((_, reject) => {
    late = setTimeout(() => reject(new Error(`no answer in ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    await Promise.race([act(), limit]);
    return GOOD;
  } catch (error) {
    console.error(`health: ${name}: ${error.message}`);
    return BAD;
  } finally {
    clearTimeout(late);
  }
}
