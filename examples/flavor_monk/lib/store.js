/** Recipes in Postgres. */

import pg from "pg";

import { settings } from "./settings.js";

let pool;

function database() {
  if (!pool) {
    pool = new pg.Pool({ connectionString: settings().database, max: 5, connectionTimeoutMillis: 5000 });
    // a connection that dies while idle is replaced at the next question; without this it would end the process
    pool.on("error", (error) => console.error(`postgres: ${error.message}`));
  }
  return pool;
}

export async function save(title, text, model) {
  const sql = "INSERT INTO recipes (title, body, model) VALUES ($1, $2, $3) RETURNING id, title, body, model, made";
  return (await database().query(sql, [title, text, model])).rows[0];
}

export async function newest(limit = 20) {
  const sql = "SELECT id, title, body, model, made FROM recipes ORDER BY id DESC LIMIT $1";
  return (await database().query(sql, [limit])).rows;
}

export async function byIds(ids) {
  const sql = "SELECT id, title, body, model, made FROM recipes WHERE id = ANY($1::bigint[])";
  const { rows } = await database().query(sql, [ids]);
  return ids.map((id) => rows.find((row) => row.id === id)).filter(Boolean);
}

export async function count() {
  return Number((await database().query("SELECT count(*) FROM recipes")).rows[0].count);
}
