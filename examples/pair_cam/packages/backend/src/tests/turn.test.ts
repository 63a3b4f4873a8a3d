import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { allocate, places } from '../relay';
import * as stun from '../stun';
import { credentials, iceServers, LASTS } from '../turn';

const SECRET = 'north';

test('a password is the HMAC of when it ends and for whom', () => {
  const made = credentials(SECRET, 'alice', 1_000_000_000_000);
  assert.equal(made.username, `${1_000_000_000 + LASTS}:alice`);
  assert.equal(made.credential, createHmac('sha1', SECRET).update(made.username).digest('base64'));
});

test('the fallback comes second', () => {
  const turn = { urls: ['turn:a'], secret: SECRET, realm: 'a' };
  assert.equal(iceServers({ turn, fallbackTurn: null }, 'alice').length, 1);
  const fallbackTurn = { urls: ['turn:b'], username: 'u', password: 'p' };
  assert.deepEqual(iceServers({ turn, fallbackTurn }, 'alice')[1], { urls: ['turn:b'], username: 'u', credential: 'p' });
});

test('TURN is asked for on this machine first', () => {
  const asked = places(['turns:cam.example.com:5349?transport=tcp', 'turn:cam.example.com:3479?transport=udp']);
  assert.deepEqual(asked.map(({ host, port }) => `${host}:${port}`), ['127.0.0.1:3479', 'cam.example.com:3479']);
  assert.deepEqual(places(['turns:cam.example.com']), []);
});

// Answers like coturn: asks for a password, and gives a relay to whoever signs with the right one.
async function server(secret: string) {
  const socket = createSocket('udp4');
  const freed: boolean[] = [];
  socket.on('message', (message, from) => {
    const asked = stun.answer(message).attributes;
    const user = asked.get(stun.USERNAME)?.toString();
    const said: stun.Attribute[] = [];
    let kind = 0x0100 | message.readUInt16BE(0);
    if (user === undefined || !signed(message, user)) {
      kind |= 0x0010;
      said.push([stun.ERROR, Buffer.from([0, 0, 4, 1])], [stun.REALM, Buffer.from('realm')], [stun.NONCE, Buffer.from('once')]);
    } else if (message.readUInt16BE(0) === stun.REFRESH) freed.push(true);
    else said.push([stun.RELAYED, Buffer.alloc(8)]);
    socket.send(stun.request(kind, said), from.port, from.address);
  });
  const signed = (message: Buffer, user: string) => {
    const password = createHmac('sha1', secret).update(user).digest('base64');
    const mac = createHmac('sha1', stun.key(user, 'realm', password)).update(message.subarray(0, -24)).digest();
    return mac.equals(message.subarray(-20));
  };
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  return { socket, freed, place: { host: '127.0.0.1', port: (socket.address() as AddressInfo).port } };
}

test('a relay is asked for and given back', async () => {
  const { socket, freed, place } = await server(SECRET);
  await allocate(place, credentials(SECRET, 'health'));
  assert.deepEqual(freed, [true]);
  socket.close();
});

test('a wrong secret gets none, and says so', async () => {
  const { socket, place } = await server(SECRET);
  await assert.rejects(allocate(place, credentials('south', 'health')), /no relay: error 401/);
  socket.close();
});

test('nobody there is said within seconds', async () => {
  const { socket, place } = await server(SECRET);
  await new Promise<void>((done) => socket.close(() => done()));
  await assert.rejects(allocate(place, credentials(SECRET, 'health')));
});
