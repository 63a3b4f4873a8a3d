// Whether TURN works: a real relay is asked for with a real password, by UDP, and given back.

import { createSocket } from 'node:dgram';
import type { Settings } from './settings';
import * as stun from './stun';
import { credentials } from './turn';

const PATIENCE = 2000; // milliseconds
const UDP = Buffer.from([17, 0, 0, 0]);

export interface Place {
  host: string;
  port: number;
}

// Where to ask: what clients are told, and this machine, which has coturn also while no DNS leads here yet.
export function places(urls: string[]): Place[] {
  const found = urls.map((url) => /^turn:([^:?]+)(?::(\d+))?/.exec(url)).find(Boolean);
  if (!found) return [];
  const port = Number(found[2] ?? 3478);
  return [
    { host: '127.0.0.1', port },
    { host: found[1]!, port },
  ];
}

export async function check(turn: Settings['turn']): Promise<string> {
  let reason = 'TURN_URLS names no turn: server';
  for (const place of places(turn.urls)) {
    try {
      await allocate(place, credentials(turn.secret, 'health'));
      return 'ok';
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  return reason;
}

export async function allocate(place: Place, user: { username: string; credential: string }): Promise<void> {
  const ask = await conversation(place);
  try {
    const stranger = stun.answer(await ask(stun.request(stun.ALLOCATE, [[stun.TRANSPORT, UDP]])));
    const [realm, nonce] = [stranger.attributes.get(stun.REALM), stranger.attributes.get(stun.NONCE)];
    if (stranger.error !== 401 || !realm || !nonce) throw new Error('who is asked for a password first is no TURN server');
    const key = stun.key(user.username, realm.toString(), user.credential);
    const known: stun.Attribute[] = [[stun.USERNAME, Buffer.from(user.username)], [stun.REALM, realm], [stun.NONCE, nonce]];
    const made = stun.answer(await ask(stun.request(stun.ALLOCATE, [[stun.TRANSPORT, UDP], ...known], key)));
    if (!made.ok || !made.attributes.has(stun.RELAYED)) throw new Error(`no relay: error ${made.error}`);
    await ask(stun.request(stun.REFRESH, [[stun.LIFETIME, Buffer.alloc(4)], ...known], key));
  } finally {
    ask.end();
  }
}

type Conversation = ((message: Buffer) => Promise<Buffer>) & { end: () => void };

// Messages and their answers, one at a time.
async function conversation({ host, port }: Place): Promise<Conversation> {
  const socket = createSocket('udp4');
  await new Promise<void>((done, failed) => {
    socket.once('error', failed);
    socket.connect(port, host, done);
  });
  socket.removeAllListeners('error');
  const ask = (message: Buffer) =>
    new Promise<Buffer>((answered, failed) => {
      const late = setTimeout(() => failed(new Error(`${host}:${port} does not answer`)), PATIENCE);
      socket.once('message', (said) => (clearTimeout(late), answered(said)));
      socket.once('error', (error) => (clearTimeout(late), failed(error)));
      socket.send(message);
    });
  return Object.assign(ask, { end: () => socket.close() });
}
