"""Access lists for mosquitto: who may read and write what, at the Cloud and on the LAN."""

from smartmeter.wire import refusal, topics

_SOMEBODY = "x"
_CHANNELS = range(1, 9)  # of sub-meters
ADAPTER, CONSUMER = "adapter", "consumer"  # users on the LAN's broker that may be shared


def mosquitto(ingest: str) -> str:
    """An access list for mosquitto (acl_file) with use_identity_as_username true.

    Comments list the other settings for mosquitto.conf. A Concentrator writes below its own id and
    reads what the Cloud answers it. The user `ingest`, the Cloud's own, reads all Concentrators and
    writes receipts and refusals.
    """
    topics.check_id(ingest)
    own = topics.concentrator_status(_SOMEBODY).removesuffix(f"/{topics.STATUS}")
    answers = refusal.every_answer(_SOMEBODY)
    return (
        "# mosquitto.conf: allow_anonymous false; acl_file with this file's path; better also\n"
        "# max_inflight_messages 2000: the default allows only 20 messages in flight.\n"
        "# max_packet_size 2000000: no message of the chain is longer, and ingest would have to\n"
        "# read whatever comes into its memory.\n"
        "# The Concentrators' listener: require_certificate true; use_identity_as_username true;\n"
        "# use_username_as_clientid true, or one could disconnect another by its client id.\n"
        "# A separate listener for ingest, not reachable by Concentrators, without that option,\n"
        "# because each ingest process has its own client id.\n"
        f"pattern write {own.replace(_SOMEBODY, '%u')}/#\n"
        f"pattern read {answers.replace('/' + _SOMEBODY, '/%u')}\n"
        f"\nuser {ingest}\n"
        f"topic read {topics.ALL_CONCENTRATORS}\n"
        f"topic write {answers.replace('/' + _SOMEBODY, '/+')}\n"
    )


def mosquitto_lan(concentrator: str, user: str, prefix: str | None) -> str:
    """An access list for the LAN's mosquitto (acl_file).

    concentrator, user: the Concentrator's id, and its name at this broker. prefix: of Home
    Assistant's discovery topics, or None. An adapter whose user is its smartMeterId has the topics
    of that meter and of its sub-meters. The users `adapter` and `consumer` may be shared.
    """
    own = topics.concentrator_status(concentrator).removesuffix(topics.STATUS)
    message = topics.meter(_SOMEBODY, _SOMEBODY).removesuffix(f"/{_SOMEBODY}")
    command = topics.command(_SOMEBODY, _SOMEBODY).removesuffix(f"/{_SOMEBODY}")
    ids = ["%u", *(f"%u-{channel}" for channel in _CHANNELS)]
    lines = [
        "# mosquitto.conf: allow_anonymous false; acl_file with this file's path; password_file",
        "# with the users below. max_packet_size 10000000 bounds what the Concentrator must read.",
        "",
        "# The Concentrator",
        f"user {user}",
        f"topic read {topics.ALL_METERS}",
        f"topic write {own}#",
        f"topic write {topics.meter(_SOMEBODY, topics.STATUS).replace(_SOMEBODY, '+')}",
    ]
    if prefix:
        lines += [f"topic write {prefix}/#", f"topic read {prefix}/status"]
    lines += [
        "",
        "# Adapters that share a user. Leave it out if each adapter has its own.",
        f"user {ADAPTER}",
        f"topic write {topics.ALL_METERS}",
        f"topic read {command.removesuffix(_SOMEBODY)}#",
        f"topic read {topics.concentrator_status(concentrator)}",  # its refusals
        "",
        "# Home Assistant, Node-RED and other consumers",
        f"user {CONSUMER}",
        f"topic read {own}#",
    ]
    if prefix:
        lines.append(f"topic readwrite {prefix}/#")
    lines += ["", "# An adapter whose user is its smartMeterId, with its sub-meters -1 to -8"]
    lines += [f"pattern write {message.replace(_SOMEBODY, id)}/+" for id in ids]
    lines.append(f"pattern read {command.replace(_SOMEBODY, '%u')}/+")
    return "\n".join(lines) + "\n"
