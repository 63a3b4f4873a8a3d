// One call: pictures, sound and text straight between two browsers, or through the relay where no straight way is.

import type { Socket } from 'socket.io-client';

type Signal = { description?: RTCSessionDescriptionInit; candidate?: RTCIceCandidateInit };

export interface Shown {
  stream: (theirs: MediaStream) => void;
  line: (text: string) => void;
  way: (relayed: boolean) => void;
}

export class Call {
  private readonly peer: RTCPeerConnection;
  private readonly channel: RTCDataChannel;
  private readonly early: RTCIceCandidateInit[] = [];

  constructor(
    private readonly socket: Socket,
    iceServers: RTCIceServer[],
    mine: MediaStream | null,
    private readonly shown: Shown,
  ) {
    this.peer = new RTCPeerConnection({ iceServers });
    this.channel = this.peer.createDataChannel('chat', { negotiated: true, id: 0 });
    this.channel.onmessage = ({ data }) => shown.line(String(data));
    this.peer.ontrack = ({ streams: [theirs] }) => theirs && shown.stream(theirs);
    this.peer.onicecandidate = ({ candidate }) => candidate && this.pass({ candidate: candidate.toJSON() });
    this.peer.onconnectionstatechange = () => this.peer.connectionState === 'connected' && void this.tell();
    mine?.getTracks().forEach((track) => this.peer.addTrack(track, mine));
    socket.on('signal', this.hear);
  }

  async begin() {
    await this.peer.setLocalDescription();
    this.pass({ description: this.peer.localDescription!.toJSON() });
  }

  say(text: string) {
    if (this.channel.readyState === 'open') this.channel.send(text);
  }

  end() {
    this.socket.off('signal', this.hear);
    this.peer.close();
  }

  private readonly hear = async ({ description, candidate }: Signal) => {
    if (description) {
      await this.peer.setRemoteDescription(description);
      for (const each of this.early.splice(0)) await this.peer.addIceCandidate(each);
      if (description.type === 'offer') await this.begin();
    }
    if (candidate && this.peer.remoteDescription) await this.peer.addIceCandidate(candidate);
    else if (candidate) this.early.push(candidate);
  };

  private pass(signal: Signal) {
    this.socket.emit('signal', signal);
  }

  private async tell() {
    const stats = [...(await this.peer.getStats()).values()];
    const pair = stats.find((each) => each.type === 'candidate-pair' && each.state === 'succeeded' && each.nominated);
    const own = stats.find((each) => each.id === pair?.localCandidateId);
    const relayed = own?.candidateType === 'relay';
    this.socket.emit('connected', { relayed });
    this.shown.way(relayed);
  }
}
