// Whether a request is Twilio's: it signs the URL that it called and every form field, with the account's auth token.
// See "Webhooks security" in Twilio's documentation.

import { createHmac, timingSafeEqual } from "node:crypto";

export function sign(token, url, fields = {}) {
  const text = Object.keys(fields)
    .sort()
    .flatMap((name) => [...new Set([fields[name]].flat())].sort().map((value) => name + value));
  return createHmac("sha1", token).update(url + text.join("")).digest("base64");
}

export function isSigned(token, signature, url, fields) {
  return same(signature ?? "", sign(token, url, fields));
}

// Takes as long whatever is right of it.
export function same(given, expected) {
  const [left, right] = [given, expected].map((text) => createHmac("sha256", "equal").update(text).digest());
  return timingSafeEqual(left, right);
}

// What a media stream shows when it starts, as whoever dials `/ws` by himself could not.
export function streamToken(authToken, callSid) {
  return createHmac("sha256", authToken).update(`stream ${callSid}`).digest("base64url");
}

export function connectToStream(publicUrl, token) {
  const url = publicUrl.replace(/^http/, "ws") + "/ws";
  const parameter = `<Parameter name="token" value="${token}"/>`;
  return `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="${url}">${parameter}</Stream></Connect></Response>`;
}
