// The backend, as the page asks it.

export interface Signed {
  id: string;
  token: string;
}

async function ask<Answer>(path: string, options: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return (await answer.json()) as Answer;
}

export const signIn = () => ask<Signed>('/api/guests', { method: 'POST' });

export const iceServers = (token: string) =>
  ask<{ iceServers: RTCIceServer[] }>('/api/turn', { headers: { Authorization: `Bearer ${token}` } });

export async function health(): Promise<Record<string, string>> {
  return (await (await fetch('/api/health')).json()) as Record<string, string>;
}
