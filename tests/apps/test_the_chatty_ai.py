"""TheChattyAI on a box: calls as Twilio and Vapi tell of them, streams as Twilio sends them, restarts amid both."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as connect_soon
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from commands.demo import FIVE
from roles import ROOT
from roles.secrets import Store
from target.box import Target
from target.load import unverified
from target.run import unit
from target.tls import secured
from tests.apps.site import Site

pytestmark = pytest.mark.target
DOMAIN, NAME = "chatty.localhost", "the-chatty-ai"


@pytest.fixture(scope="module")
def chatty(target: Target) -> Chatty:
    kept = Store.beside(Path(ROOT, FIVE)).values()
    return Chatty(
        Site(DOMAIN, target.port(443)), {name: kept[f"the-chatty-ai/{name}"].get_secret_value() for name in SECRETS}
    )


SECRETS = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "VAPI_SECRET", "GOOGLE_CREDENTIALS", "GOOGLE_TOKEN")


class Chatty:
    """The app as those see it who call it."""

    def __init__(self, site: Site, secrets: dict[str, str]) -> None:
        self.site = site
        self.secrets = secrets

    def twilio(self, path: str, *, token: str | None = None, client: httpx.Client | None = None, **fields: str) -> Any:
        """A message of Twilio's, signed as it signs: the address, then each field by name, under the auth token."""
        fields = {"AccountSid": self.secrets["TWILIO_ACCOUNT_SID"], **fields}
        text = f"https://{self.site.domain}{path}" + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        key = (self.secrets["TWILIO_AUTH_TOKEN"] if token is None else token).encode()
        signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha1)).decode()
        headers = {"X-Twilio-Signature": signature}
        return self.site.ask(path, "POST", client=client, headers=headers, data=fields)

    def vapi(self, message: object, secret: str | None = None) -> httpx.Response:
        headers = {"X-Vapi-Secret": self.secrets["VAPI_SECRET"] if secret is None else secret}
        return self.site.ask("/webhooks/vapi", "POST", headers=headers, json={"message": message})

    @contextmanager
    def stream(self, sid: str, call: str) -> Iterator[ClientConnection]:
        """A media stream that has begun, with what the answer to the call said."""
        token = self.token(call)
        link = secured(self.site.port, self.site.domain, unverified())
        with connect(f"ws://{self.site.domain}/ws", sock=link, open_timeout=10) as opened:
            opened.send('{"event": "connected"}')
            opened.send(start(sid, call, token))
            yield opened

    def token(self, call: str) -> str:
        """What the answer to a call says that its stream must show."""
        answer = self.twilio("/webhooks/twilio/voice", CallSid=call, From="+15005550006")
        return str(answer.text.partition('name="token" value="')[2].partition('"')[0])


def start(sid: str, call: str, token: str) -> str:
    began = {"streamSid": sid, "callSid": call, "customParameters": {"token": token}}
    return json.dumps({"event": "start", "start": began})


def say(stream: ClientConnection, payload: str) -> str:
    """What comes back of a frame of audio."""
    stream.send(json.dumps({"event": "media", "media": {"payload": payload}}))
    return str(json.loads(stream.recv(timeout=10))["media"]["payload"])


def kept(target: Target, condition: str) -> int:
    """How many webhooks Postgres has of a kind."""
    query = f"SELECT count(*) FROM webhooks WHERE {condition}"
    return int(target.succeed(f'runuser -u postgres -- psql -qAt the_chatty_ai -c "{query}"'))


def check_every_part(chatty: Chatty) -> None:
    """Page, health, cache: what a probe asks."""
    health = chatty.site.ask("/health")
    assert (health.status_code, health.json()["status"]) == (200, "healthy")
    assert "TheChattyAI" in chatty.site.ask("/").text
    chatty.site.ask("/api/numbers")
    assert chatty.site.ask("/api/numbers").headers["x-cache"] == "hit"


def test_page_health_and_cache_answer(chatty: Chatty) -> None:
    check_every_part(chatty)


def test_it_runs_without_npm_in_production_as_its_own_user(chatty: Chatty, target: Target) -> None:
    pid = target.succeed(f"systemctl show -P MainPID {unit(target, NAME)}").strip()
    assert "node\0src/server.js" in target.succeed(f"cat /proc/{pid}/cmdline")
    assert "NODE_ENV=production" in target.succeed(f"cat /proc/{pid}/environ").split("\0")
    assert target.succeed(f"stat -c %U /proc/{pid}").strip() == "the-chatty-ai"
    assert target.execute("pgrep -u the-chatty-ai npm")[0] == 1


def test_its_own_tests_pass_on_the_box(chatty: Chatty, target: Target) -> None:
    node = target.succeed(f"readlink /proc/$(systemctl show -P MainPID {unit(target, NAME)})/exe").strip()
    said = target.succeed(f"cd /srv/the-chatty-ai/current && env -i {node} --test")
    assert "fail 0\n" in said, said


@pytest.mark.parametrize("name", ["GOOGLE_CREDENTIALS", "GOOGLE_TOKEN"])
def test_json_with_quotes_and_newlines_arrives_byte_for_byte(chatty: Chatty, name: str) -> None:
    told = chatty.site.ask(f"/api/env-digest?name={name}").json()
    assert told["sha256"] == hashlib.sha256(chatty.secrets[name].encode()).hexdigest()


def test_no_other_secret_is_told_of(chatty: Chatty) -> None:
    assert chatty.site.ask("/api/env-digest?name=TWILIO_AUTH_TOKEN").status_code == 404


def test_a_call_is_kept_before_it_is_answered(chatty: Chatty, target: Target) -> None:
    call = f"CA{secrets.token_hex(16)}"
    answer = chatty.twilio("/webhooks/twilio/voice", CallSid=call, From="+15005550006", SpeechResult="Ä \"'&=\n+")
    assert answer.status_code == 200
    assert f'<Stream url="wss://{DOMAIN}/ws">' in answer.text
    assert kept(target, f"call = '{call}' AND body->>'From' = '+15005550006'") == 1


def test_what_is_not_signed_is_refused_and_not_kept(chatty: Chatty, target: Target) -> None:
    call = f"CA{secrets.token_hex(16)}"
    assert chatty.twilio("/webhooks/twilio/voice", token="wrong", CallSid=call).status_code == 403
    assert chatty.vapi({"type": "hang", "call": {"id": call}}, secret="wrong").status_code == 401
    assert kept(target, f"call = '{call}'") == 0


def test_vapis_messages_are_kept(chatty: Chatty, target: Target) -> None:
    call = secrets.token_hex(16)
    assert chatty.vapi({"type": "end-of-call-report", "call": {"id": call}, "transcript": "x" * 2_000_000}).is_success
    assert kept(target, f"call = '{call}' AND kind = 'end-of-call-report'") == 1


def test_while_postgres_is_away_a_call_is_told_to_come_again(chatty: Chatty, target: Target) -> None:
    target.succeed("systemctl stop 'postgresql@*'")
    try:
        assert chatty.twilio("/webhooks/twilio/status", CallSid="CA1", CallStatus="ringing").status_code == 503
        assert chatty.site.ask("/health").status_code == 503
    finally:
        target.succeed("systemctl start postgresql")
    chatty.site.wait("/health")
    assert chatty.twilio("/webhooks/twilio/status", CallSid="CA1", CallStatus="ringing").status_code == 204


def test_a_media_stream_is_echoed_and_counted(chatty: Chatty) -> None:
    sid, call = f"MZ{secrets.token_hex(16)}", f"CA{secrets.token_hex(16)}"
    with chatty.stream(sid, call) as stream:
        for number in range(50):
            payload = base64.b64encode(bytes([number] * 160)).decode()
            assert say(stream, payload) == payload
        stream.send('{"event": "stop"}')
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    assert chatty.site.ask(f"/api/streams/{sid}").json() == {"call": call, "frames": 50, "bytes": 8000}


def test_a_stream_without_its_token_is_closed(chatty: Chatty) -> None:
    with connect(f"ws://{DOMAIN}/ws", sock=secured(chatty.site.port, DOMAIN, unverified())) as stream:
        stream.send(json.dumps({"event": "start", "start": {"streamSid": "MZ1", "callSid": "CA1"}}))
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_at_a_restart_a_stream_is_told_so_and_what_came_is_kept(chatty: Chatty, target: Target) -> None:
    sid, call = f"MZ{secrets.token_hex(16)}", f"CA{secrets.token_hex(16)}"
    with chatty.stream(sid, call) as stream:
        say(stream, "AAAA")
        restart = threading.Thread(target=target.succeed, args=(f"systemctl restart {unit(target, NAME)}",))
        restart.start()
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=15)
        restart.join()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert chatty.site.ask(f"/api/streams/{sid}").json() == {"call": call, "frames": 1, "bytes": 3}


@pytest.mark.parametrize("how", ["restart", "kill -s KILL"])
def test_no_call_is_missed_while_the_app_restarts(chatty: Chatty, target: Target, how: str) -> None:
    answered, refused = call_while(chatty, lambda: target.succeed(f"systemctl {how} {unit(target, NAME)}"))
    print(f"{len(answered)} answered, {len(refused)} not: {refused[:3]}")
    mark = answered[0].partition("-")[0]
    query = f"SELECT call FROM webhooks WHERE call LIKE '{mark}-%'"
    there = target.succeed(f'runuser -u postgres -- psql -qAt the_chatty_ai -c "{query}"').split()
    assert set(answered) <= set(there)
    if how == "restart":
        assert refused == []
        assert len(there) == len(answered)


def call_while(chatty: Chatty, disturb: Any, times: int = 3, between: int = 30) -> tuple[list[str], list[object]]:
    """Webhooks that were answered, and how others were refused, while the app is disturbed.

    However slow the machine is, so many are answered before it is disturbed, and after that.
    """
    mark, done = secrets.token_hex(8), threading.Event()
    answered: list[str] = []
    refused: list[object] = []

    def caller(number: int) -> None:
        with chatty.site.client() as client:
            for turn in range(100_000):
                if done.is_set():
                    return
                fields = {"CallSid": f"CA{mark}-{number}-{turn}", "CallStatus": "ringing"}
                try:
                    got = chatty.twilio("/webhooks/twilio/status", client=client, **fields)
                    answered.append(fields["CallSid"]) if got.status_code == 204 else refused.append(got.status_code)
                except httpx.HTTPError as error:
                    refused.append(error)

    def go_on() -> None:
        wanted, until = len(answered) + between, time.monotonic() + 120
        while len(answered) < wanted:
            assert time.monotonic() < until, f"no more than {len(answered)} are answered, others: {refused[-3:]}"
            time.sleep(0.05)

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(caller, number) for number in range(8)]
        try:
            for _ in range(times):
                go_on()
                disturb()
            go_on()
        finally:
            done.set()
        for call in calls:
            call.result()
    return answered, refused


def test_a_thousand_calls_at_once(chatty: Chatty, target: Target) -> None:
    call = f"CA{secrets.token_hex(16)}"
    token = chatty.token(call)
    echoed = asyncio.run(many(chatty.site, 1000, lambda number: start(f"MZ{call[2:]}-{number}", call, token)))
    assert echoed == 1000
    assert chatty.site.ask("/health").status_code == 200
    used = target.succeed(f"ps -o rss= -p $(systemctl show -P MainPID {unit(target, NAME)})")
    print(f"1000 streams open at once, {int(used) / 1024:.0f} MB")


async def many(site: Site, times: int, first: Any) -> int:
    """How many of so many streams, all open at once, hear an echo."""
    few = asyncio.Semaphore(32)

    async def open_one(number: int) -> Any:
        async with few:
            opened = await connect_soon(
                f"wss://{site.domain}/ws", host="127.0.0.1", port=site.port, ssl=unverified(), open_timeout=30
            )
            await opened.send(first(number))
            return opened

    opened = await asyncio.gather(*(open_one(number) for number in range(times)))
    for stream in opened:
        await stream.send('{"event": "media", "media": {"payload": "AAAA"}}')
    heard = [json.loads(await asyncio.wait_for(stream.recv(), 30)) for stream in opened]
    await asyncio.gather(*(stream.close() for stream in opened))
    return sum(message["media"]["payload"] == "AAAA" for message in heard)
