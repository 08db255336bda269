"""amqtt's broker, which gives a client only those retained messages that it asked for and may see.

amqtt 0.12 sends a client that connects the retained messages of everybody's subscriptions, and
does not ask its plugins about retained messages at all.
"""

import asyncio
from typing import Any

from amqtt.broker import Broker  # type: ignore[import-untyped]
from amqtt.contexts import Action  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]


class RetainedDeliveryBroker(Broker):  # type: ignore[misc]
    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        topic_filter, qos = subscription
        subscribers = self._subscriptions.get(topic_filter, [])
        handler: Any = self._get_handler(session)
        if handler is None or all(s.client_id != session.client_id for s, _ in subscribers):
            return
        sending = []
        for topic, message in list(self._retained_messages.items()):
            if self._matches(topic, topic_filter) and await self._topic_filtering(
                session, topic, Action.RECEIVE
            ):
                level = min(qos, message.qos or qos)
                sent = handler.mqtt_publish(message.topic, message.data, level, retain=True)
                sending.append(asyncio.ensure_future(sent))
        if sending:
            await asyncio.wait(sending)
