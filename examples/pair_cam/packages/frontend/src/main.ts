import { io, type Socket } from 'socket.io-client';
import { health, iceServers, signIn } from './api';
import { Call } from './call';
import './style.css';

const part = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const [find, leave] = [part<HTMLButtonElement>('find'), part<HTMLButtonElement>('leave')];
const [theirs, mine] = [part<HTMLVideoElement>('theirs'), part<HTMLVideoElement>('mine')];
const [chat, line, lines] = [part<HTMLFormElement>('chat'), part<HTMLInputElement>('line'), part('lines')];
const [state, way, well] = [part('state'), part('way'), part('health')];

let socket: Socket | null = null;
let call: Call | null = null;
let servers: RTCIceServer[] = [];
let camera: MediaStream | null = null;

async function connect(): Promise<Socket> {
  const { token } = await signIn();
  servers = (await iceServers(token)).iceServers;
  // Where WebSockets are not let through, it goes on by long polling.
  const made = io({ auth: { token }, transports: ['websocket', 'polling'], tryAllTransports: true });
  made.on('found', ({ begins }: { begins: boolean }) => meet(begins));
  made.on('left', () => over('The other one has left.'));
  made.on('disconnect', () => over('The connection is lost; it comes back by itself.'));
  return made;
}

function meet(begins: boolean) {
  state.textContent = '';
  chat.hidden = false;
  lines.replaceChildren();
  call = new Call(socket!, servers, camera, {
    stream: (stream) => (theirs.srcObject = stream),
    line: (text) => write(text, false),
    way: (relayed) => (way.textContent = relayed ? 'through the relay' : 'straight'),
  });
  if (begins) void call.begin();
}

function over(why: string) {
  call?.end();
  call = null;
  theirs.srcObject = null;
  chat.hidden = true;
  way.textContent = '';
  state.textContent = why;
  leave.disabled = true;
}

function write(text: string, own: boolean) {
  const item = document.createElement('li');
  item.textContent = text;
  item.className = own ? 'own' : '';
  lines.append(item);
}

find.onclick = async () => {
  find.disabled = true;
  try {
    camera ??= await navigator.mediaDevices.getUserMedia({ video: true, audio: true }).catch(() => null);
    mine.srcObject = camera;
    socket ??= await connect();
    over('Waiting for somebody…');
    leave.disabled = false;
    socket.emit('find');
  } catch {
    over('The server does not answer. Try again in a moment.');
  } finally {
    find.disabled = false;
    find.textContent = 'Somebody else';
  }
};

leave.onclick = () => {
  socket?.emit('leave');
  over('Nobody sees you any more.');
};

chat.onsubmit = (event) => {
  event.preventDefault();
  call?.say(line.value);
  write(line.value, true);
  line.value = '';
};

health().then(
  ({ status }) => {
    well.textContent = status === 'ok' ? 'All well' : 'Not everything works right now';
    well.dataset.well = status === 'ok' ? 'yes' : 'no';
  },
  () => (well.textContent = 'The server does not answer'),
);
