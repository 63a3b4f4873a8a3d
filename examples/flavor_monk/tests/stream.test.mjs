/** Words become an answer: at once, whole, and not at all where the model says no. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { flow } from "../lib/stream.js";

async function* said(...words) {
  for (const word of words) {
    if (word instanceof Error) throw word;
    await pause(typeof word === "number" ? word : 1);
    if (typeof word === "string") yield word;
  }
}

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece).toString());
  return pieces;
}

test("words go out one by one, and the whole is kept once", async () => {
  const kept = [];
  assert.deepEqual(await read(await flow(said("warm ", "soup"), (text) => kept.push(text))), ["warm ", "soup"]);
  assert.deepEqual(kept, ["warm soup"]);
});

test("a model that says no at once is an error, not half an answer", async () => {
  await assert.rejects(flow(said(new Error("no such model")), () => {}), /no such model/);
});

test("a model that breaks off is seen to, and nothing is kept", async () => {
  const kept = [];
  const stream = await flow(said("warm ", new Error("gone")), (text) => kept.push(text));
  await assert.rejects(read(stream), /gone/);
  assert.deepEqual(kept, []);
});

test("until the first word blanks keep the line open, and none is kept", async () => {
  const kept = [];
  const stream = await flow(said(120, "soup", 120, "!"), (text) => kept.push(text), { grace: 5, beat: 30 });
  const pieces = await read(stream);
  assert.ok(pieces.indexOf("soup") >= 2, String(pieces));
  assert.equal(pieces.join("").trimStart(), "soup!");
  assert.deepEqual(kept, ["soup!"]);
});

test("a reader that leaves stops the model", async () => {
  let stopped = false;
  async function* endless() {
    try {
      for (;;) {
        await pause(1);
        yield "word ";
      }
    } finally {
      stopped = true;
    }
  }
  const reader = (await flow(endless(), () => assert.fail("kept"))).getReader();
  await reader.read();
  await reader.cancel();
  await pause(20);
  assert.ok(stopped);
});
