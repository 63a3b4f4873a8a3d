import * as cache from "../../../lib/cache.js";
import { words } from "../../../lib/model.js";
import { titled } from "../../../lib/recipe.js";
import * as search from "../../../lib/search.js";
import { settings } from "../../../lib/settings.js";
import * as store from "../../../lib/store.js";
import { flow } from "../../../lib/stream.js";

export const dynamic = "force-dynamic";

const HOUR = 3600;
const LONGEST = 500;
const HEADERS = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

/** A recipe for a wish, word by word. The same wish within an hour is answered from the cache. */
export async function POST(request) {
  const wish = String((await request.json().catch(() => null))?.wish ?? "").trim();
  if (!wish || wish.length > LONGEST) {
    return Response.json({ error: `a wish has 1 to ${LONGEST} characters` }, { status: 400 });
  }
  const kept = await cache.recall("recipe", `${settings().model}\n${wish}`);
  if (kept) return new Response(kept, { headers: { ...HEADERS, "x-cache": "hit" } });
  try {
    const body = await flow(words(wish, request.signal), (text) => keep(wish, text));
    return new Response(body, { headers: { ...HEADERS, "x-cache": "miss" } });
  } catch (error) {
    console.error(`cook: ${error.message}`);
    return Response.json({ error: "the model does not answer" }, { status: 503 });
  }
}

async function keep(wish, text) {
  const recipe = await store.save(titled(wish, text), text, settings().model);
  await cache.remember("recipe", `${settings().model}\n${wish}`, text, HOUR);
  // a recipe that can't be searched for is still a recipe
  await search.remember(recipe).catch((error) => console.error(`cook: ${error.message}`));
}
