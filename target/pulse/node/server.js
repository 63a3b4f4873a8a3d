// The same app for Node: every answer says its version.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { WebSocketServer } = require('ws');

const version = readFileSync('VERSION', 'utf8').trim();
const PAUSE = 20; // milliseconds that an answer takes

const server = createServer((request, response) => {
  let size = 0;
  request.on('data', (chunk) => { size += chunk.length; });
  request.on('end', () => setTimeout(() => {
    response.statusCode = version === 'broken' && request.url === '/health' ? 500 : 200;
    response.end(`${version} ${request.method} ${size}`);
  }, PAUSE));
});

const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(`${version} ${text}`)));

server.listen(process.env.PORT);
