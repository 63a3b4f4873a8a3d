/** The tables, made before a release takes traffic. It may run any number of times. */

import pg from "pg";

import { settings } from "../lib/settings.js";

const TABLES = `
  CREATE TABLE IF NOT EXISTS recipes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL,
    body text NOT NULL,
    model text NOT NULL,
    made timestamptz NOT NULL DEFAULT now()
  )`;

const client = new pg.Client({ connectionString: settings().database });
await client.connect();
try {
  // two releases at once wait for each other: CREATE ... IF NOT EXISTS by itself may fail beside another one
  await client.query("BEGIN; SELECT pg_advisory_xact_lock(20250101)");
  await client.query(TABLES);
  await client.query("COMMIT");
} finally {
  await client.end();
}
