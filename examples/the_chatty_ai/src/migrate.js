// Makes the tables, before a new version takes traffic. Twice is once.

import { loadOrEnd } from "./settings.js";
import { Store } from "./store.js";

const store = new Store(loadOrEnd(process.env).databaseUrl);
try {
  await store.migrate();
  console.log("the-chatty-ai: tables are there");
} catch (fault) {
  console.error(`the-chatty-ai: ${fault.message}`);
  process.exitCode = 1;
} finally {
  await store.close();
}
