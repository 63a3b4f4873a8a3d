// The routes: the page, webhooks, health and numbers.

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import express from "express";
import { webhooks } from "./webhooks.js";

const PUBLIC = fileURLToPath(new URL("../public", import.meta.url));

export function routes(settings, store, cache, openStreams) {
  const app = express();
  app.disable("x-powered-by");

  app.get("/health", async (request, response) => {
    const [database, redis] = await Promise.all([answers(store.ask()), answers(cache.ask())]);
    const well = database && redis;
    const body = { status: word(well), database: word(database), redis: word(redis), release: settings.release };
    response.status(well ? 200 : 503).set("Cache-Control", "no-store").json(body);
  });

  app.get("/api/numbers", async (request, response) => {
    const { value, hit } = await cache.remember("numbers", 10, () => store.totals());
    response.set("X-Cache", hit ? "hit" : "miss").json({ ...value, open_streams: openStreams() });
  });

  app.get("/api/streams/:sid", async (request, response) => {
    const found = await store.stream(request.params.sid); // whoever knows a SID has it from Twilio
    found ? response.json(found) : response.status(404).json({ error: "no such stream" });
  });

  app.get("/api/env-digest", (request, response) => {
    const name = String(request.query.name ?? "");
    if (!settings.echo.has(name)) return response.status(404).json({ error: "not told" });
    const sha256 = createHash("sha256").update(process.env[name] ?? "").digest("hex");
    response.json({ name, sha256, bytes: Buffer.byteLength(process.env[name] ?? "") });
  });

  app.use("/webhooks", webhooks(settings, store));
  app.use(express.static(PUBLIC, { maxAge: "30m" }));
  app.use((request, response) => response.status(404).json({ error: "not found" }));
  app.use((fault, request, response, next) => {
    if (response.headersSent) return next(fault);
    const asked = fault.status >= 400 && fault.status < 500; // a body that is no JSON, or too long
    if (!asked) console.error(`${request.method} ${request.path}: ${fault.message}`);
    // 503: who sent it may send it again
    response.status(asked ? fault.status : 503).json({ error: asked ? "not understood" : "try again" });
  });
  return app;
}

function answers(question) {
  return question.then(
    () => true,
    () => false,
  );
}

function word(well) {
  return well ? "healthy" : "unhealthy";
}
