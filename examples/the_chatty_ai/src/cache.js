// Redis: answers that need not be counted anew for each visitor. A cache that is away costs time, never an answer.

import { createClient } from "@redis/client";

export class Cache {
  constructor(url) {
    this.client = createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout: 2000, reconnectStrategy: (tries) => Math.min(tries * 50, 1000) },
    });
    this.client.on("error", (fault) => console.error(`redis: ${fault.message || fault.code}`));
    this.client.connect().catch(() => {}); // it goes on trying, and says so above
  }

  ask() {
    return within(2000, this.client.ping());
  }

  // What `make` gives, and whether it was there already.
  async remember(key, seconds, make) {
    const kept = await within(1000, this.client.get(key)).catch(() => null);
    if (kept !== null) return { value: JSON.parse(kept), hit: true };
    const value = await make();
    await within(1000, this.client.set(key, JSON.stringify(value), { EX: seconds })).catch(() => {});
    return { value, hit: false };
  }

  close() {
    this.client.destroy();
  }
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
