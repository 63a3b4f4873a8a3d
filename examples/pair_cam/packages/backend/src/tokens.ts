// Who somebody is: a JSON Web Token, in a header for requests and in the handshake for sockets.

import { CanActivate, ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import jwt from 'jsonwebtoken';
import { settings } from './settings';

export interface Known extends Request {
  user: string;
}

export function issue(user: string): string {
  const { jwtSecret, jwtExpiration } = settings();
  return jwt.sign({}, jwtSecret, { subject: user, expiresIn: jwtExpiration as jwt.SignOptions['expiresIn'] });
}

// The user that a token is about, or "" for one that is forged or has ended.
export function read(token: unknown): string {
  const users = settings().jwtSecrets.map((secret) => verified(String(token), secret));
  return users.find(Boolean) ?? '';
}

function verified(token: string, secret: string): string {
  try {
    return String(jwt.verify(token, secret, { algorithms: ['HS256'] }).sub ?? '');
  } catch {
    return '';
  }
}

@Injectable()
export class Signed implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Known>();
    request.user = read(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]);
    if (!request.user) throw new UnauthorizedException('sign in first');
    return true;
  }
}
