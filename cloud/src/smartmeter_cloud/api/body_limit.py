"""Limits a request's size and how slowly it may arrive, before it is read."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smartmeter_cloud.api.problems import response

# A thousand meter ids of 64 letters are the largest useful request.
BODY_MAX = 256 * 1024
BODY_SECONDS = 30.0


class BodyLimit:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        body = b""
        more = True
        refusal = response(
            413, f"a request may have at most {BODY_MAX} bytes", {"Connection": "close"}
        )
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while more and len(body) <= BODY_MAX and int(declared) <= BODY_MAX:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
        except TimeoutError:
            refusal = response(
                408, f"a request must arrive within {BODY_SECONDS:g} s", {"Connection": "close"}
            )
        if more:
            await refusal(scope, receive, send)
            return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)
