import * as cache from "../../../lib/cache.js";
import { words } from "../../../lib/model.js";
import * as search from "../../../lib/search.js";
import { settings } from "../../../lib/settings.js";
import * as store from "../../../lib/store.js";
import { titled } from "../../../lib/recipe.js";

export const dynamic = "force-dynamic";

const HOUR = 3600;
const LONGEST = 500;

/** A recipe for a wish, word by word. The same wish within an hour is answered from the cache. */
export async function POST(request) {
  const wish = String((await request.json().catch(() => ({}))).wish ?? "").trim();
  if (!wish || wish.length > LONGEST) {
    return Response.json({ error: `a wish has 1 to ${LONGEST} characters` }, { status: 400 });
  }
  const kept = await cache.recall("recipe", `${settings().model}\n${wish}`);
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  if (kept) return new Response(kept, { headers: { ...headers, "x-cache": "hit" } });
  return new Response(cooked(wish, request.signal), { headers: { ...headers, "x-cache": "miss" } });
}

function cooked(wish, signal) {
  const encoder = new TextEncoder();
  const source = words(wish, signal);
  let text = "";
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await source.next();
        if (!done) {
          text += value;
          controller.enqueue(encoder.encode(value));
          return;
        }
        await keep(wish, text);
        controller.close();
      } catch (error) {
        console.error(`cook: ${error.message}`);
        // a stream that ends early is seen as one: the reader is never shown half a recipe as a whole one
        controller.error(error);
      }
    },
    async cancel() {
      await source.return();
    },
  });
}

async function keep(wish, text) {
  const recipe = await store.save(titled(wish, text), text, settings().model);
  await cache.remember("recipe", `${settings().model}\n${wish}`, text, HOUR);
  // a recipe that can't be searched for is still a recipe
  await search.remember(recipe).catch((error) => console.error(`cook: ${error.message}`));
}
