// `/ws`: a call's audio, as Twilio's media streams send it. Each frame is sent back; what came is counted and kept.

import { WebSocketServer } from "ws";
import { same, streamToken } from "./twilio.js";

const RESTART = 1012; // "service restart": the other side may come again at once
const REFUSED = 1008;
const PING_SECONDS = 30;

export function media(server, settings, store) {
  const sockets = new WebSocketServer({ server, path: "/ws", maxPayload: 64 * 1024 });
  const kept = new Set();
  sockets.on("connection", (socket) => {
    const stream = { sid: null, call: null, frames: 0, bytes: 0 };
    socket.on("error", () => {});
    socket.on("pong", () => (socket.silent = false));
    socket.on("message", (data) => receive(socket, stream, data, settings));
    socket.on("close", () => {
      if (stream.sid === null) return;
      const done = store
        .keepStream(stream.sid, stream.call, stream.frames, stream.bytes)
        .catch((fault) => console.error(`stream ${stream.sid} is not kept: ${fault.message}`))
        .finally(() => kept.delete(done));
      kept.add(done);
    });
  });
  // Proxies and CDNs cut what is silent; and a caller who vanished is noticed.
  const timer = setInterval(() => sockets.clients.forEach(ping), PING_SECONDS * 1000);

  return {
    open: () => sockets.clients.size,
    async end() {
      clearInterval(timer);
      const closed = [...sockets.clients].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
      for (const socket of sockets.clients) socket.close(RESTART, "restart");
      await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, 3000))]);
      for (const socket of sockets.clients) socket.terminate();
      await Promise.all(kept);
    },
  };
}

function ping(socket) {
  if (socket.silent) return socket.terminate();
  socket.silent = true;
  socket.ping();
}

function receive(socket, stream, data, settings) {
  const message = parse(data);
  if (message?.event === "start") {
    const { streamSid, callSid, customParameters } = message.start ?? {};
    const token = customParameters?.token ?? "";
    if (!streamSid || !callSid || !same(token, streamToken(settings.authToken, callSid))) {
      return socket.close(REFUSED, "not a stream of ours");
    }
    stream.sid = streamSid;
    stream.call = callSid;
  } else if (message?.event === "media" && stream.sid !== null) {
    const payload = String(message.media?.payload ?? "");
    stream.frames += 1;
    stream.bytes += Buffer.byteLength(payload, "base64");
    socket.send(JSON.stringify({ event: "media", streamSid: stream.sid, media: { payload } }));
  } else if (message?.event === "stop") {
    socket.close(1000);
  } else if (message?.event !== "connected") {
    socket.close(REFUSED, "not a stream of ours");
  }
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
