// As much of STUN and TURN (RFC 8489, RFC 8656) as it takes to ask for a relay, and to give it back.

import { createHash, createHmac, randomBytes } from 'node:crypto';

const COOKIE = 0x2112a442;
export const ALLOCATE = 0x0003;
export const REFRESH = 0x0004;
export const [USERNAME, INTEGRITY, ERROR, LIFETIME] = [0x0006, 0x0008, 0x0009, 0x000d];
export const [REALM, NONCE, RELAYED, TRANSPORT] = [0x0014, 0x0015, 0x0016, 0x0019];

export type Attribute = [type: number, value: Buffer];

export interface Answer {
  ok: boolean;
  error: number;
  attributes: Map<number, Buffer>;
}

// A request; with a key (of long-term credentials) it is signed.
export function request(method: number, attributes: Attribute[], key?: Buffer): Buffer {
  const body = Buffer.concat(attributes.map(([type, value]) => attribute(type, value)));
  const head = Buffer.alloc(20);
  head.writeUInt16BE(method, 0);
  head.writeUInt16BE(body.length + (key ? 24 : 0), 2);
  head.writeUInt32BE(COOKIE, 4);
  randomBytes(12).copy(head, 8);
  const message = Buffer.concat([head, body]);
  if (!key) return message;
  return Buffer.concat([message, attribute(INTEGRITY, createHmac('sha1', key).update(message).digest())]);
}

export function key(username: string, realm: string, password: string): Buffer {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest();
}

export function answer(message: Buffer): Answer {
  const attributes = new Map<number, Buffer>();
  for (let at = 20; at + 4 <= message.length; ) {
    const size = message.readUInt16BE(at + 2);
    attributes.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + size));
    at += 4 + size + ((4 - (size % 4)) % 4);
  }
  const code = attributes.get(ERROR);
  return {
    ok: (message.readUInt16BE(0) & 0x0110) === 0x0100,
    error: code && code.length >= 4 ? code[2]! * 100 + code[3]! : 0,
    attributes,
  };
}

function attribute(type: number, value: Buffer): Buffer {
  const made = Buffer.alloc(4 + value.length + ((4 - (value.length % 4)) % 4));
  made.writeUInt16BE(type, 0);
  made.writeUInt16BE(value.length, 2);
  value.copy(made, 4);
  return made;
}
