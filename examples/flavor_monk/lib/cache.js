/** Answers that were given before, in Redis. A cache that is away costs time, never an answer. */

import { createHash } from "node:crypto";

import { createClient } from "@redis/client";

import { settings } from "./settings.js";

let client;

async function redis() {
  if (!client) {
    client = createClient({ url: settings().redis, disableOfflineQueue: true, socket: { connectTimeout: 3000 } });
    client.on("error", (error) => console.error(`redis: ${error.message}`));
    client.connect().catch(() => {});
  }
  if (!client.isReady) {
    // it is connecting, for the first time or again
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return client;
}

function key(kind, words) {
  return `${kind}:${createHash("sha256").update(words).digest("hex")}`;
}

export async function recall(kind, words) {
  try {
    return await (await redis()).get(key(kind, words));
  } catch {
    return null;
  }
}

export async function remember(kind, words, value, seconds) {
  try {
    await (await redis()).set(key(kind, words), value, { expiration: { type: "EX", value: seconds } });
  } catch {
    // the next one asks again
  }
}

/** Write and read a key that nobody else has: throws when Redis does not do both. */
export async function prove() {
  const link = await redis();
  const word = String(process.hrtime.bigint());
  await link.set(`health:${word}`, word, { expiration: { type: "EX", value: 60 } });
  if ((await link.get(`health:${word}`)) !== word) throw new Error("what was written is not what is read");
}
