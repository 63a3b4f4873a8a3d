// Who waits and who talks with whom, in Redis: every process of the app sees the same.

import { Injectable } from '@nestjs/common';
import { Cache } from './parts';

const WAITING = 'waiting';
const HOURS = 3600;

// Take who waits longest, if that is somebody else; otherwise wait. One step, so that two never take the same one.
const MEET = `
  local other = redis.call('LPOP', KEYS[1])
  if other and other ~= ARGV[1] then return other end
  redis.call('RPUSH', KEYS[1], ARGV[1])
  return false`;

@Injectable()
export class Pairs {
  constructor(private readonly cache: Cache) {}

  // The socket to talk with, or null for whoever has to wait.
  async meet(socket: string): Promise<string | null> {
    await this.forget(socket);
    const other = (await this.cache.redis.eval(MEET, 1, WAITING, socket)) as string | null;
    if (other) await this.cache.redis.mset({ [`pair:${socket}`]: other, [`pair:${other}`]: socket });
    for (const each of other ? [socket, other] : []) await this.cache.redis.expire(`pair:${each}`, HOURS);
    return other;
  }

  partner(socket: string): Promise<string | null> {
    return this.cache.redis.get(`pair:${socket}`);
  }

  // End whatever a socket is in; who it talked with, or null.
  async forget(socket: string): Promise<string | null> {
    const other = await this.partner(socket);
    await this.cache.redis.lrem(WAITING, 0, socket);
    await this.cache.redis.del(`pair:${socket}`, ...(other ? [`pair:${other}`] : []));
    return other;
  }

  // After a start nobody is connected, whatever the process before this one has left.
  async clear(): Promise<void> {
    await this.cache.redis.del(WAITING);
  }
}
