// Ten people who call each other, as before a cut-over: `npm run test:load -- https://cam.example.com`

import { io } from 'socket.io-client';

const [site = 'http://127.0.0.1:3333', people = '10'] = process.argv.slice(2);
const PATIENCE = 20000; // milliseconds

async function person(): Promise<number> {
  const signed = await fetch(new URL('/api/guests', site), { method: 'POST' });
  if (!signed.ok) throw new Error(`POST /api/guests: ${signed.status}`);
  const { token } = (await signed.json()) as { token: string };
  const socket = io(site, { auth: { token }, transports: ['websocket'], forceNew: true });
  const begun = performance.now();
  try {
    return await new Promise<number>((done, failed) => {
      setTimeout(() => failed(new Error('nobody to talk with')), PATIENCE).unref();
      socket.on('connect_error', failed);
      socket.on('ready', () => socket.emit('find'));
      socket.on('found', () => socket.emit('signal', { hello: true }));
      socket.on('signal', () => done(performance.now() - begun));
    });
  } finally {
    setTimeout(() => socket.close(), 500); // the other one may still listen
  }
}

async function main() {
  const calls: Promise<number>[] = [];
  for (let one = 0; one < Number(people); one++) {
    calls.push(person());
    await new Promise((later) => setTimeout(later, 250)); // one address may ask five times a second
  }
  const times = (await Promise.all(calls)).sort((a, b) => a - b);
  const p95 = times[Math.ceil(times.length * 0.95) - 1]!;
  console.log(`${times.length} people, each heard another; p95 ${p95.toFixed(0)} ms`);
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
