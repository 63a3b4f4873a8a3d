// Puts the parts together, and takes them apart in order when systemd says so.

import http from "node:http";
import net from "node:net";
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
    // http's own close() also cuts connections whose request is still on its way; net's only takes no new ones.
    const closed = new Promise((resolve) => net.Server.prototype.close.call(server, resolve));
    await streams.end();
    setTimeout(() => server.closeIdleConnections(), 1000);
    await closed;
    await store.close();
    cache.close();
    process.exit(0);
  });
}
