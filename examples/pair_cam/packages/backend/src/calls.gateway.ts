// Signalling: two people are brought together, and what their browsers have to tell each other is passed on.

import {
  ConnectedSocket,
  MessageBody,
  OnGatewayConnection,
  OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { randomUUID } from 'node:crypto';
import type { Server, Socket } from 'socket.io';
import { callsMade, socketsOpen } from './metrics';
import { Pairs } from './pairs';
import { Database } from './parts';
import { settings } from './settings';
import { read } from './tokens';

const MOST = 64 * 1024; // bytes of one message: a description with all candidates has less than 10 KB

@WebSocketGateway({ cors: { origin: settings().corsOrigins }, maxHttpBufferSize: MOST })
export class CallsGateway implements OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer() private readonly server!: Server;

  constructor(
    private readonly pairs: Pairs,
    private readonly database: Database,
  ) {}

  async afterInit(server: Server) {
    await this.pairs.clear();
    server.use((socket, next) => {
      socket.data.user = read(socket.handshake.auth.token);
      next(socket.data.user ? undefined : new Error('sign in first'));
    });
  }

  handleConnection(socket: Socket) {
    socketsOpen.inc();
    socket.emit('ready', { transport: socket.conn.transport.name });
  }

  async handleDisconnect(socket: Socket) {
    socketsOpen.dec();
    await this.leave(socket);
  }

  @SubscribeMessage('find')
  async find(@ConnectedSocket() socket: Socket) {
    await this.leave(socket);
    const other = await this.pairs.meet(socket.id);
    const partner = other && this.server.sockets.sockets.get(other);
    if (!other || !partner) return { waiting: true };
    const call = randomUUID();
    await this.database.ask('INSERT INTO calls (id, caller, callee) VALUES ($1, $2, $3)', [
      call,
      socket.data.user,
      partner.data.user,
    ]);
    for (const each of [socket, partner]) each.data.call = call;
    partner.emit('found', { call, begins: false });
    socket.emit('found', { call, begins: true });
    return { waiting: false };
  }

  @SubscribeMessage('signal')
  async signal(@ConnectedSocket() socket: Socket, @MessageBody() message: unknown) {
    const other = await this.pairs.partner(socket.id);
    if (other) this.server.to(other).emit('signal', message);
    return { passed: Boolean(other) };
  }

  // A browser says how its call goes: straight, or through a relay.
  @SubscribeMessage('connected')
  async connected(@ConnectedSocket() socket: Socket, @MessageBody() how: { relayed?: unknown }) {
    if (!socket.data.call) return { noted: false };
    const relayed = how?.relayed === true;
    callsMade.inc({ way: relayed ? 'relay' : 'direct' });
    await this.database.ask('UPDATE calls SET relayed = $2 WHERE id = $1', [socket.data.call, relayed]);
    return { noted: true };
  }

  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() socket: Socket) {
    const other = await this.pairs.forget(socket.id);
    if (other) this.server.to(other).emit('left');
    if (socket.data.call) {
      await this.database.ask('UPDATE calls SET ended = now() WHERE id = $1 AND ended IS NULL', [socket.data.call]);
      socket.data.call = undefined;
    }
    return { left: true };
  }
}
