import * as cache from "../../../../lib/cache.js";
import { nearest } from "../../../../lib/search.js";
import { byIds, count } from "../../../../lib/store.js";

export const dynamic = "force-dynamic";

const MINUTE = 60;

/** The recipes that come nearest to some words. Cached for as long as no recipe is added, a minute at most. */
export async function GET(request) {
  const words = (request.nextUrl.searchParams.get("q") ?? "").trim().slice(0, 200);
  if (!words) return Response.json({ error: "write ?q=WORDS" }, { status: 400 });
  const wanted = `${await count()}\n${words}`;
  const kept = await cache.recall("search", wanted);
  const ids = kept ? JSON.parse(kept) : await nearest(words);
  if (!kept) await cache.remember("search", wanted, JSON.stringify(ids), MINUTE);
  return Response.json({ cached: Boolean(kept), recipes: await byIds(ids) });
}
