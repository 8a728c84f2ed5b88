"""The same apps for uvicorn: BENCH_APP names the app."""

import json as codec
import os

PLAIN = [(b"content-type", b"text/plain")]
PLAIN_16 = PLAIN + [(b"content-length", b"16")]
JSON = [(b"content-type", b"application/json")]


async def answer(send, headers, body):
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def reply(scope, receive, send):
    await answer(send, PLAIN, b"Hello from PAGI\n")


async def length(scope, receive, send):
    await answer(send, PLAIN_16, b"Hello from PAGI\n")


async def json(scope, receive, send):
    body = b""
    more = True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    value = codec.loads(body)
    text = codec.dumps(value, separators=(",", ":"), ensure_ascii=False)
    body = text.encode()
    length = (b"content-length", str(len(body)).encode())
    await answer(send, JSON + [length], body)


app = globals()[os.environ.get("BENCH_APP", "reply")]
