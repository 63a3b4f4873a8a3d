import assert from 'node:assert/strict';
import test from 'node:test';
import { settings } from '../settings';

const ENV = {
  DATABASE_URL: 'postgresql://a:b@127.0.0.1/c',
  REDIS_URL: 'redis://127.0.0.1:6400/0',
  JWT_SECRET: 'x'.repeat(40),
  CORS_ORIGINS: 'https://cam.example.com, https://www.cam.example.com',
  TURN_URLS: 'turn:cam.example.com:3478?transport=udp,turns:cam.example.com:5349?transport=tcp',
  TURN_SHARED_SECRET: 's'.repeat(40),
};

test('what is missing is named', () => {
  assert.throws(() => settings({ ...ENV, REDIS_URL: '', JWT_SECRET: undefined }), /REDIS_URL, JWT_SECRET$/);
});

test('a short secret is refused', () => {
  assert.throws(() => settings({ ...ENV, JWT_SECRET: 'changeme' }), /32 characters/);
});

test('tokens of the secret before are good while there is one', () => {
  assert.deepEqual(settings(ENV).jwtSecrets, [ENV.JWT_SECRET]);
  assert.deepEqual(settings({ ...ENV, JWT_SECRET_PREVIOUS: 'old' }).jwtSecrets, [ENV.JWT_SECRET, 'old']);
});

test('optional keys switch their part on', () => {
  assert.deepEqual(settings(ENV).features, { payments: false, google: null, errorReports: false });
  const keys = { STRIPE_SECRET_KEY: 'sk', GOOGLE_CLIENT_ID: 'id', SENTRY_DSN: 'https://example.com' };
  assert.deepEqual(settings({ ...ENV, ...keys }).features, { payments: true, google: 'id', errorReports: true });
});

test('lists are split', () => {
  assert.deepEqual(settings(ENV).corsOrigins, ['https://cam.example.com', 'https://www.cam.example.com']);
  assert.equal(settings(ENV).turn.urls.length, 2);
});
