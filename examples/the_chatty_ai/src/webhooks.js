// What Twilio and Vapi tell about calls. Each message is in Postgres before it is answered: an answer is a promise.

import { randomUUID } from "node:crypto";
import express, { Router } from "express";
import { connectToStream, isSigned, same, streamToken } from "./twilio.js";

export function webhooks(settings, store) {
  const router = Router();
  router.use("/twilio", express.urlencoded({ extended: false, limit: "256kb" }), (request, response, next) => {
    const url = settings.publicUrl + request.originalUrl;
    const fields = request.body ?? {};
    if (!isSigned(settings.authToken, request.get("X-Twilio-Signature"), url, fields)) {
      return response.status(403).json({ error: "not signed by Twilio" });
    }
    if (fields.AccountSid !== settings.accountSid) return response.status(403).json({ error: "another account" });
    next();
  });

  router.post("/twilio/voice", async (request, response) => {
    const call = request.body.CallSid;
    await store.keep(twilioKey(request), "twilio", "voice", call, request.body);
    response.type("text/xml").send(connectToStream(settings.publicUrl, streamToken(settings.authToken, call)));
  });

  router.post("/twilio/status", async (request, response) => {
    const { CallSid, CallStatus } = request.body;
    await store.keep(twilioKey(request), "twilio", `status ${CallStatus}`, CallSid, request.body);
    response.status(204).end();
  });

  router.post("/vapi", express.json({ limit: "5mb" }), async (request, response) => {
    const bearer = request.get("Authorization")?.replace(/^Bearer /, "");
    if (!same(request.get("X-Vapi-Secret") ?? bearer ?? "", settings.vapiSecret)) {
      return response.status(401).json({ error: "not from Vapi" });
    }
    const message = request.body?.message;
    if (typeof message?.type !== "string") return response.status(400).json({ error: "no message" });
    await store.keep(randomUUID(), "vapi", message.type, message.call?.id ?? null, message);
    // Vapi waits for content only where it asked for some.
    response.json(message.type === "assistant-request" ? { error: "this line has no assistant yet" } : {});
  });
  return router;
}

function twilioKey(request) {
  return request.get("I-Twilio-Idempotency-Token") ?? randomUUID();
}
