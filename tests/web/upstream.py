"""Stands in for an app behind nginx, on the Unix socket given as argument: HTTP, an event stream, a WebSocket echo.

Runs on the target, so standard library only.
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
from asyncio import StreamReader, StreamWriter

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def serve(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        path = head[0].split(" ")[1].partition("?")[0]
        if path == "/ws" and headers.get("upgrade") == "websocket" and headers.get("connection") == "upgrade":
            await echo(headers, reader, writer)
        elif path == "/api/stream":
            await stream(writer)
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            answer = {"request": head[0], "headers": headers, "body": len(body)}
            own = "X-Frame-Options: DENY\r\n" if path == "/api/framed" else ""
            send(writer, f"200 OK\r\nContent-Type: application/json\r\n{own}Connection: close", json.dumps(answer))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def send(writer: StreamWriter, head: str, body: str) -> None:
    writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


async def stream(writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    for number in range(5):
        writer.write(f"data: {number}\n\n".encode())
        await writer.drain()
        await asyncio.sleep(0.4)


async def echo(headers: dict[str, str], reader: StreamReader, writer: StreamWriter) -> None:
    accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + GUID).digest()).decode()
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{upgrade}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    while True:
        first, second = await reader.readexactly(2)
        mask, body = await reader.readexactly(4), await reader.readexactly(second & 127)
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
        writer.write(bytes([first, len(text)]) + text)
        if first & 15 == 8:
            return


async def main(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    server = await asyncio.start_unix_server(serve, path)
    os.chmod(path, 0o666)
    async with server:
        await server.serve_forever()


asyncio.run(main(sys.argv[1]))
