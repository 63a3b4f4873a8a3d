// Postgres and Redis, as the rest of the app is handed them.

import { Injectable, OnApplicationShutdown } from '@nestjs/common';
import Redis from 'ioredis';
import { Pool } from 'pg';
import { settings } from './settings';

const PATIENCE = 3000; // milliseconds

@Injectable()
export class Database implements OnApplicationShutdown {
  // Fewer than ten: the database is shared with others.
  readonly pool = new Pool({ connectionString: settings().databaseUrl, max: 8, connectionTimeoutMillis: PATIENCE });

  constructor() {
    this.pool.on('error', (error) => console.error(`database: ${error.message}`)); // it went away; the pool comes back
  }

  async ask<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query(sql, values)).rows as Row[];
  }

  async onApplicationShutdown() {
    await this.pool.end();
  }
}

@Injectable()
export class Cache implements OnApplicationShutdown {
  readonly redis = new Redis(settings().redisUrl, { maxRetriesPerRequest: 1, commandTimeout: PATIENCE });

  constructor() {
    this.redis.on('error', (error: Error) => console.error(`redis: ${error.message}`));
  }

  onApplicationShutdown() {
    this.redis.disconnect();
  }
}
