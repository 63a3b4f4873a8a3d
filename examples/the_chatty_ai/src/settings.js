// What the environment must hold, read once. A fault is one line and the end.

const REQUIRED = [
  "DATABASE_URL",
  "REDIS_URL",
  "PUBLIC_URL",
  "TWILIO_ACCOUNT_SID",
  "TWILIO_AUTH_TOKEN",
  "VAPI_SECRET",
  "GOOGLE_CREDENTIALS",
  "GOOGLE_TOKEN",
];
const JSONS = ["GOOGLE_CREDENTIALS", "GOOGLE_TOKEN"];

export function load(env) {
  const missing = REQUIRED.filter((name) => !env[name]);
  if (missing.length) throw new Error(`missing in the environment: ${missing.join(", ")}`);
  for (const name of JSONS) if (!isObject(env[name])) throw new Error(`${name} is no JSON object`);
  return {
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    publicUrl: env.PUBLIC_URL.replace(/\/$/, ""),
    accountSid: env.TWILIO_ACCOUNT_SID,
    authToken: env.TWILIO_AUTH_TOKEN,
    vapiSecret: env.VAPI_SECRET,
    // names whose SHA-256 may be told; a digest gives a strong secret away to nobody, and a weak one to everybody
    echo: new Set((env.ECHO_ENV ?? "").split(",").filter(Boolean)),
    release: env.BOXKEEPER_RELEASE ?? "1.0.0",
    port: Number(env.PORT ?? 3000),
  };
}

export function loadOrEnd(env) {
  try {
    return load(env);
  } catch (fault) {
    console.error(`the-chatty-ai: ${fault.message}`);
    process.exit(1);
  }
}

function isObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
