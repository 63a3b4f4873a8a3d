// The release command: brings the tables to this version, before it takes a request. Safe to run twice and to cut off.

import { Client } from 'pg';

const STEPS = [
  `CREATE TABLE guests (id uuid PRIMARY KEY, made timestamptz NOT NULL DEFAULT now());
   CREATE TABLE calls (
     id uuid PRIMARY KEY,
     caller uuid NOT NULL REFERENCES guests,
     callee uuid NOT NULL REFERENCES guests,
     begun timestamptz NOT NULL DEFAULT now(),
     ended timestamptz,
     relayed boolean
   );
   CREATE INDEX calls_by_caller ON calls (caller, begun);
   CREATE INDEX calls_by_callee ON calls (callee, begun);`,
];

async function main() {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  try {
    await client.query('CREATE TABLE IF NOT EXISTS migrations (version int PRIMARY KEY, made timestamptz DEFAULT now())');
    for (const [version, sql] of STEPS.entries()) await step(client, version + 1, sql);
  } finally {
    await client.end();
  }
}

async function step(client: Client, version: number, sql: string) {
  await client.query('BEGIN; LOCK TABLE migrations IN EXCLUSIVE MODE');
  const done = await client.query('SELECT FROM migrations WHERE version = $1', [version]);
  if (!done.rowCount) {
    await client.query(sql);
    await client.query('INSERT INTO migrations (version) VALUES ($1)', [version]);
    console.log(`migrated to ${version}`);
  }
  await client.query('COMMIT');
}

main().catch((error: Error) => {
  console.error(`migrate: ${error.message}`);
  process.exit(1);
});
