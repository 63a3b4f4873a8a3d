/** What the app is told by its environment. A missing value ends the process with one line that names it. */

const REQUIRED = ["DATABASE_URL", "REDIS_URL", "CHROMA_URL", "OLLAMA_HOST"];

/** Settings from variables. Throws an Error that names what is missing. */
export function load(environment) {
  const missing = REQUIRED.filter((name) => !environment[name]);
  if (missing.length) throw new Error(`flavor-monk: missing in the environment: ${missing.join(", ")}`);
  return {
    database: environment.DATABASE_URL,
    redis: environment.REDIS_URL,
    chroma: environment.CHROMA_URL.replace(/\/$/, ""),
    chromaToken: environment.CHROMA_TOKEN || "",
    ollama: base(environment.OLLAMA_HOST),
    model: environment.OLLAMA_MODEL || "mistral:7b",
    embedding: environment.EMBEDDING_MODEL || "all-minilm",
    release: environment.BOXKEEPER_RELEASE || "1.0.0",
    providers: { replicate: Boolean(environment.REPLICATE_API_TOKEN), openai: Boolean(environment.OPENAI_API_KEY) },
  };
}

/** Ollama's own client takes `127.0.0.1:11434` as well as an address with its scheme. */
export function base(host) {
  return (/^https?:\/\//.test(host) ? host : `http://${host}`).replace(/\/$/, "");
}

let kept;

/** The settings of this process; read at the first request, because `next build` runs without them. */
export function settings() {
  kept ??= load(process.env);
  return kept;
}
