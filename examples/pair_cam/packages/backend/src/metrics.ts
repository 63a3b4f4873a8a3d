// What to watch, in Prometheus' format, on a port of its own that only this machine reaches.

import { createServer, Server } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, register } from 'prom-client';

collectDefaultMetrics();

const requests = new Histogram({
  name: 'http_request_seconds',
  help: 'Seconds that requests took',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
});
export const socketsOpen = new Gauge({ name: 'sockets_open', help: 'People connected' });
export const turnCredentials = new Counter({ name: 'turn_credentials_total', help: 'TURN passwords handed out' });
export const callsMade = new Counter({
  name: 'calls_total',
  help: 'Calls, by the way that they took: the share of `relay` is the TURN fallback rate',
  labelNames: ['way'],
});

export function timed(request: Request, response: Response, next: NextFunction) {
  const end = requests.startTimer({ method: request.method });
  response.on('finish', () => {
    const route = (request.route as { path?: string } | undefined)?.path ?? 'other';
    end({ route, status: response.statusCode });
  });
  next();
}

export function serve(port: number): Server {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    register.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': register.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return server.listen(port, '127.0.0.1');
}
