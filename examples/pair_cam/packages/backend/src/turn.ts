// TURN passwords that end by themselves: "moment:user", and its HMAC with the secret that coturn knows too.
// That is draft-uberti-behave-turn-rest-00, which coturn follows.

import { createHmac } from 'node:crypto';
import type { Settings } from './settings';

export const LASTS = 4 * 3600; // seconds

export interface IceServer {
  urls: string[];
  username: string;
  credential: string;
}

export function credentials(secret: string, user: string, now = Date.now()): { username: string; credential: string } {
  const username = `${Math.floor(now / 1000) + LASTS}:${user}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}

// Ours first; the other one is tried by the browser when ours can't be reached.
export function iceServers({ turn, fallbackTurn }: Pick<Settings, 'turn' | 'fallbackTurn'>, user: string): IceServer[] {
  const own = { urls: turn.urls, ...credentials(turn.secret, user) };
  if (!fallbackTurn) return [own];
  return [own, { urls: fallbackTurn.urls, username: fallbackTurn.username, credential: fallbackTurn.password }];
}
