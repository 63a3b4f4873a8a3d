// Green only when every part has answered: a row from Postgres, a value from Redis, a relay from TURN.

import { Controller, Get, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Cache, Database } from './parts';
import { check } from './relay';
import { settings } from './settings';

const told = (asked: Promise<string>) => asked.catch((error: Error) => error.message || 'does not answer');

@Controller()
export class HealthController {
  constructor(
    private readonly database: Database,
    private readonly cache: Cache,
  ) {}

  @Get('health')
  live() {
    return { status: 'ok', uptime: Math.round(process.uptime()) };
  }

  @Get('api/health')
  async ready(@Res({ passthrough: true }) response: Response) {
    const [database, redis, turn] = await Promise.all([
      told(this.database.ask<{ version: number }>('SELECT max(version) AS version FROM migrations').then(() => 'ok')),
      told(this.cache.redis.set('health', '1', 'EX', 60).then(() => 'ok')),
      told(check(settings().turn)),
    ]);
    const well = [database, redis, turn].every((said) => said === 'ok');
    response.status(well ? 200 : 503);
    return { status: well ? 'ok' : 'failing', database, redis, turn };
  }
}
