// Guests, and what they need for a call.

import { Controller, Get, Post, Req, UseGuards } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { turnCredentials } from './metrics';
import { Database } from './parts';
import { settings } from './settings';
import { issue, Known, Signed } from './tokens';
import { iceServers, LASTS } from './turn';

@Controller('api')
export class PeopleController {
  constructor(private readonly database: Database) {}

  @Post('guests')
  async guest() {
    const id = randomUUID();
    await this.database.ask('INSERT INTO guests (id) VALUES ($1)', [id]);
    return { id, token: issue(id) };
  }

  @Get('turn')
  @UseGuards(Signed)
  turn(@Req() request: Known) {
    turnCredentials.inc();
    return { iceServers: iceServers(settings(), request.user), ttl: LASTS };
  }

  @Get('calls')
  @UseGuards(Signed)
  async calls(@Req() request: Known) {
    const mine = 'SELECT id, begun, ended, relayed FROM calls WHERE $1 IN (caller, callee) ORDER BY begun DESC LIMIT 20';
    return { calls: await this.database.ask(mine, [request.user]) };
  }

  @Get('features')
  features() {
    return settings().features;
  }
}
