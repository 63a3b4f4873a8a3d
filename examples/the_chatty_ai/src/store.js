// Postgres: every webhook before it is answered, and every media stream when it has ended.

import pg from "pg";

const TABLES = `
CREATE TABLE IF NOT EXISTS webhooks (
    key text PRIMARY KEY,
    source text NOT NULL,
    kind text NOT NULL,
    call text,
    body jsonb NOT NULL,
    received timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS webhooks_received ON webhooks (received);
CREATE TABLE IF NOT EXISTS streams (
    sid text PRIMARY KEY,
    call text NOT NULL,
    frames bigint NOT NULL,
    bytes bigint NOT NULL,
    ended timestamptz NOT NULL DEFAULT now()
);`;

export class Store {
  constructor(url) {
    // Calls may be a thousand; what they write is short, and ten connections are shared.
    this.pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 5000, query_timeout: 10000 });
    this.pool.on("error", (fault) => console.error(`postgres: ${fault.message}`)); // an idle connection was cut
  }

  migrate() {
    return this.pool.query(TABLES);
  }

  ask() {
    return this.pool.query("SELECT 1 FROM webhooks LIMIT 1");
  }

  // The same delivery twice is kept once: Twilio repeats what it got no answer to.
  async keep(key, source, kind, call, body) {
    const text = "INSERT INTO webhooks (key, source, kind, call, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    await this.pool.query(text, [key, source, kind, call, JSON.stringify(body)]);
  }

  async keepStream(sid, call, frames, bytes) {
    const text = `INSERT INTO streams (sid, call, frames, bytes) VALUES ($1, $2, $3, $4)
      ON CONFLICT (sid) DO UPDATE SET frames = streams.frames + EXCLUDED.frames, bytes = streams.bytes + EXCLUDED.bytes`;
    await this.pool.query(text, [sid, call, frames, bytes]);
  }

  async stream(sid) {
    const { rows } = await this.pool.query("SELECT call, frames, bytes FROM streams WHERE sid = $1", [sid]);
    return rows[0] && { call: rows[0].call, frames: Number(rows[0].frames), bytes: Number(rows[0].bytes) };
  }

  async totals() {
    const text = `SELECT (SELECT count(*) FROM webhooks) AS webhooks, (SELECT count(*) FROM streams) AS streams,
      (SELECT count(DISTINCT call) FROM webhooks WHERE received > now() - interval '1 day') AS calls_today`;
    const { rows } = await this.pool.query(text);
    return Object.fromEntries(Object.entries(rows[0]).map(([name, value]) => [name, Number(value)]));
  }

  close() {
    return this.pool.end();
  }
}
