import 'reflect-metadata';
import { ConsoleLogger, LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module';
import { serve, timed } from './metrics';
import { settings } from './settings';

const LEVELS: Record<string, LogLevel[]> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug'],
};

async function main() {
  const { port, metricsPort, corsOrigins } = settings();
  const logLevels = LEVELS[process.env.LOG_LEVEL ?? 'info'] ?? LEVELS.info!;
  const logger = new ConsoleLogger({ logLevels, colors: false }); // the journal shows no colours
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger });
  app.disable('x-powered-by');
  app.set('trust proxy', 'loopback');
  app.use(timed);
  app.enableCors({ origin: corsOrigins, methods: ['GET', 'POST'], allowedHeaders: ['Authorization', 'Content-Type'] });
  app.enableShutdownHooks();
  await app.listen(port);
  const metrics = serve(metricsPort);
  process.once('SIGTERM', () => metrics.close());
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
