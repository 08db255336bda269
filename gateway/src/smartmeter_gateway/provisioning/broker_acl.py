"""The rules of the Cloud's broker: who may read and write what, by the name in a certificate."""

from smartmeter.wire import refusal, topics

_SOMEBODY = "x"


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
