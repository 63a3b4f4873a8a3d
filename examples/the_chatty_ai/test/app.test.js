// The app without Postgres and Redis: who is believed, and what is kept before an answer.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, beforeEach, test } from "node:test";
import WebSocket from "ws";
import { routes } from "../src/app.js";
import { media } from "../src/media.js";
import { load } from "../src/settings.js";
import { sign, streamToken } from "../src/twilio.js";

const ENVIRONMENT = {
  DATABASE_URL: "postgresql://nobody@127.0.0.1:1/nothing",
  REDIS_URL: "redis://127.0.0.1:1",
  PUBLIC_URL: "https://chatty.example",
  TWILIO_ACCOUNT_SID: "AC1",
  TWILIO_AUTH_TOKEN: "token",
  VAPI_SECRET: "vapi",
  GOOGLE_CREDENTIALS: '{"private_key": "-----BEGIN\\n\\"x\\"\\n"}',
  GOOGLE_TOKEN: '{\n  "refresh_token": "1//x"\n}\n',
  ECHO_ENV: "GOOGLE_TOKEN",
};
const settings = load(ENVIRONMENT);
let server, address, kept, broken;

const store = {
  async keep(key, ...rest) {
    if (broken) throw new Error("away");
    kept.set(key, rest);
  },
  async keepStream(...stream) {
    kept.set(stream[0], stream.slice(1));
  },
  async ask() {
    if (broken) throw new Error("away");
  },
  totals: async () => ({ webhooks: kept.size }),
  stream: async () => undefined,
};
const cache = { ask: async () => {}, remember: async (key, seconds, make) => ({ value: await make(), hit: false }) };

before(async () => {
  process.env.GOOGLE_TOKEN = ENVIRONMENT.GOOGLE_TOKEN;
  const app = routes(settings, store, cache, () => 0);
  server = http.createServer(app);
  server.streams = media(server, settings, store);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${server.address().port}`;
});
after(async () => {
  await server.streams.end();
  server.close();
});
beforeEach(() => {
  kept = new Map();
  broken = false;
});

function post(path, body, headers) {
  return fetch(`http://${address}${path}`, { method: "POST", body, headers });
}

function twilio(path, fields, headers = {}) {
  const signature = sign("token", `https://chatty.example${path}`, fields);
  return post(path, new URLSearchParams(fields), { "X-Twilio-Signature": signature, ...headers });
}

const CALL = { AccountSid: "AC1", CallSid: "CA1", From: "+15005550006", CallStatus: "ringing" };

test("a signature is the one that Twilio's documentation computes", () => {
  const number = "+12349013030";
  const fields = { CallSid: "CA1234567890ABCDE", Caller: number, Digits: "1234", From: number, To: "+18005551212" };
  assert.equal(sign("12345", ["https:", "", "mycompany.com", "myapp.php?foo=1&bar=2"].join("/"), fields), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
});

test("a signed call is kept and answered with a stream", async () => {
  const answer = await twilio("/webhooks/twilio/voice?x=1", CALL);
  assert.equal(answer.status, 200);
  const token = streamToken("token", "CA1");
  assert.ok((await answer.text()).includes(`<Stream url="wss://chatty.example/ws"><Parameter name="token" value="${token}"/>`));
  assert.deepEqual([...kept.values()][0].slice(0, 3), ["twilio", "voice", "CA1"]);
});

test("an unsigned, an altered and another account's message are refused and not kept", async () => {
  const unsigned = await post("/webhooks/twilio/voice", new URLSearchParams(CALL));
  const altered = await twilio("/webhooks/twilio/voice", CALL, { "X-Twilio-Signature": sign("wrong", "x") });
  const other = await twilio("/webhooks/twilio/voice", { ...CALL, AccountSid: "AC2" });
  assert.deepEqual([unsigned.status, altered.status, other.status, kept.size], [403, 403, 403, 0]);
});

test("what Twilio sends twice is kept once", async () => {
  for (let time = 0; time < 2; time++) {
    const answer = await twilio("/webhooks/twilio/status", CALL, { "I-Twilio-Idempotency-Token": "same" });
    assert.equal(answer.status, 204);
  }
  assert.equal(kept.size, 1);
});

test("what can't be kept is answered with 503, so that it comes again", async () => {
  broken = true;
  assert.equal((await twilio("/webhooks/twilio/voice", CALL)).status, 503);
  assert.equal((await fetch(`http://${address}/health`)).status, 503);
});

test("Vapi is believed with its secret only", async () => {
  const body = JSON.stringify({ message: { type: "end-of-call-report", call: { id: "c" }, transcript: "\u0007é" } });
  const json = { "Content-Type": "application/json" };
  const answers = [
    await post("/webhooks/vapi", body, json),
    await post("/webhooks/vapi", body, { ...json, "X-Vapi-Secret": "vapi" }),
    await post("/webhooks/vapi", body, { ...json, Authorization: "Bearer vapi" }),
    await post("/webhooks/vapi", "{", { ...json, "X-Vapi-Secret": "vapi" }),
  ];
  assert.deepEqual(answers.map((answer) => answer.status), [401, 200, 200, 400]);
  assert.equal(kept.size, 2);
});

test("a digest is told only of what the environment allows", async () => {
  const told = await (await fetch(`http://${address}/api/env-digest?name=GOOGLE_TOKEN`)).json();
  assert.equal(told.bytes, Buffer.byteLength(ENVIRONMENT.GOOGLE_TOKEN));
  assert.equal((await fetch(`http://${address}/api/env-digest?name=TWILIO_AUTH_TOKEN`)).status, 404);
});

async function stream(token, frames) {
  const socket = new WebSocket(`ws://${address}/ws`);
  const heard = [];
  socket.on("message", (data) => heard.push(JSON.parse(data)));
  await new Promise((resolve) => socket.once("open", resolve));
  const start = { streamSid: "MZ1", callSid: "CA1", customParameters: { token } };
  socket.send(JSON.stringify({ event: "connected" }));
  socket.send(JSON.stringify({ event: "start", start }));
  for (const payload of frames) socket.send(JSON.stringify({ event: "media", media: { payload } }));
  socket.send(JSON.stringify({ event: "stop" }));
  const code = await new Promise((resolve) => socket.once("close", resolve));
  return { code, heard };
}

test("a stream with its token is echoed and counted", async () => {
  const { code, heard } = await stream(streamToken("token", "CA1"), ["AAAA", "AAAAAA=="]);
  assert.equal(code, 1000);
  assert.deepEqual(heard.map((message) => message.media.payload), ["AAAA", "AAAAAA=="]);
  while (!kept.has("MZ1")) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(kept.get("MZ1"), ["CA1", 2, 7]);
});

test("a stream without it is closed", async () => {
  assert.equal((await stream("x", ["AAAA"])).code, 1008);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(kept.size, 0);
});

test("a missing value and one that is no JSON are named", () => {
  assert.throws(() => load({ ...ENVIRONMENT, VAPI_SECRET: "" }), /missing in the environment: VAPI_SECRET/);
  assert.throws(() => load({ ...ENVIRONMENT, GOOGLE_TOKEN: "{" }), /GOOGLE_TOKEN is no JSON object/);
});
