// What the environment says, checked once: a process that lacks something ends with one line that names it.

export interface Settings {
  port: number;
  metricsPort: number;
  databaseUrl: string;
  redisUrl: string;
  jwtSecret: string;
  jwtSecrets: string[]; // whose tokens are good: while it is rotated, the one before too
  jwtExpiration: string;
  corsOrigins: string[];
  turn: { urls: string[]; secret: string; realm: string };
  fallbackTurn: { urls: string[]; username: string; password: string } | null;
  features: { payments: boolean; google: string | null; errorReports: boolean };
}

const list = (text: string) => text.split(',').map((each) => each.trim()).filter(Boolean);

export function settings(env: NodeJS.ProcessEnv = process.env): Settings {
  const missing = ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'CORS_ORIGINS', 'TURN_URLS', 'TURN_SHARED_SECRET'].filter(
    (name) => !env[name],
  );
  if (missing.length) throw new Error(`missing in the environment: ${missing.join(', ')}`);
  if (env.JWT_SECRET!.length < 32) throw new Error('JWT_SECRET must have 32 characters or more');
  return {
    port: Number(env.PORT ?? 3333),
    metricsPort: Number(env.METRICS_PORT ?? 9090),
    databaseUrl: env.DATABASE_URL!,
    redisUrl: env.REDIS_URL!,
    jwtSecret: env.JWT_SECRET!,
    jwtSecrets: [env.JWT_SECRET!, ...list(env.JWT_SECRET_PREVIOUS ?? '')],
    jwtExpiration: env.JWT_EXPIRATION ?? '7d',
    corsOrigins: list(env.CORS_ORIGINS!),
    turn: { urls: list(env.TURN_URLS!), secret: env.TURN_SHARED_SECRET!, realm: env.TURN_REALM ?? '' },
    fallbackTurn: env.TURN_BACKUP_URLS
      ? {
          urls: list(env.TURN_BACKUP_URLS),
          username: env.TURN_BACKUP_USERNAME ?? '',
          password: env.TURN_BACKUP_PASSWORD ?? '',
        }
      : null,
    features: {
      payments: Boolean(env.STRIPE_SECRET_KEY),
      google: env.GOOGLE_CLIENT_ID ?? null,
      errorReports: Boolean(env.SENTRY_DSN),
    },
  };
}
