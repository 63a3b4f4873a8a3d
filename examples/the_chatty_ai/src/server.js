// Puts the parts together, and takes them apart in order when systemd says so.

import http from "node:http";
import { routes } from "./app.js";
import { Cache } from "./cache.js";
import { media } from "./media.js";
import { loadOrEnd } from "./settings.js";
import { Store } from "./store.js";

const settings = loadOrEnd(process.env);
const store = new Store(settings.databaseUrl);
const cache = new Cache(settings.redisUrl);
const server = http.createServer((request, response) => app(request, response));
const streams = media(server, settings, store);
const app = routes(settings, store, cache, streams.open);

server.listen(settings.port, () => console.log("the-chatty-ai: listening"));

let ending = false;
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    if (ending) return;
    ending = true;
    // Takes no new connections, which wait for the next process, and answers what came by the open ones.
    const closed = new Promise((resolve) => server.close(resolve));
    await streams.end();
    await closed;
    await store.close();
    cache.close();
    process.exit(0);
  });
}
