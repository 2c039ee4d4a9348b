"""A stand-in for Twilio that only notes when each request arrived, in a process of its own so that it slows nobody.

    python -m benchmarks.provider PORT

`POST /takes` {"seconds": 0.15, "status": 503} changes how it answers from then on; `GET /arrived` gives what came as
[[monotonic seconds, number, text], ...]; the calls in hand at most at once come with it. `GET /count` is quick.
"""

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import parse_qsl

import uvloop

state: dict[str, float] = {"seconds": 0.0, "status": 201}
arrived: list[tuple[float, str, str]] = []
accepted: list[tuple[float, str, str]] = []
in_hand = {"now": 0, "most": 0}


class Line(asyncio.Protocol):
    """One kept connection."""

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        """Ready."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            length = int(fields.get(b"content-length", b"0"))
            if len(rest) < length:
                return
            body, self.buffer = rest[:length], rest[length:]
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            asyncio.get_running_loop().create_task(self.answer(method, path, body))

    async def answer(self, method: str, path: str, body: bytes) -> None:
        """Note a message, or do what the benchmark asks."""
        if path == "/takes":
            state.update(json.loads(body))
            self.say(200, {})
        elif path == "/forget":
            arrived.clear()
            accepted.clear()
            in_hand["most"] = 0
            self.say(200, {})
        elif path == "/arrived":
            self.say(200, {"arrived": arrived, "accepted": accepted, "most_in_hand": in_hand["most"]})
        elif path == "/count":
            self.say(200, {"accepted": len(accepted)})
        elif method == "GET":
            found = [
                {"sid": f"SM{i:032x}", "to": to, "body": text, "status": "sent"}
                for i, (_, to, text) in enumerate(accepted)
            ]
            wanted = dict(parse_qsl(path.partition("?")[2])).get("To")
            self.say(200, {"messages": [m for m in found if m["to"] == wanted][-50:], "next_page_uri": None})
        else:
            await self.take(body)

    async def take(self, body: bytes) -> None:
        """One message."""
        form = dict(parse_qsl(body.decode()))
        # A peer that knows no Twilio posts JSON of its own: it is kept as it came.
        note = (time.monotonic(), form.get("To", ""), form.get("Body", "") or body.decode())
        arrived.append(note)
        in_hand["now"] += 1
        in_hand["most"] = max(in_hand.values())
        if state["seconds"]:
            await asyncio.sleep(state["seconds"])
        in_hand["now"] -= 1
        if state["status"] == 201:
            accepted.append(note)
            self.say(201, {"sid": f"SM{len(accepted) - 1:032x}", "status": "queued", "to": note[1], "body": note[2]})
        else:
            self.say(int(state["status"]), {"code": 20500, "message": "away", "status": state["status"]})

    def say(self, status: int, content: object) -> None:
        """One answer in JSON."""
        text = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head.encode() + text)


async def serve(port: int) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Line, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
