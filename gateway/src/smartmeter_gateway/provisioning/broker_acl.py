"""The rules of the Cloud's broker: who may write and read what, by the name in a certificate."""

from smartmeter.wire import topics

_SOMEBODY = "x"


def mosquitto(ingest: str) -> str:
    """An access list for mosquitto (acl_file) with use_identity_as_username true, and what else
    mosquitto.conf should say as a comment.

    A Concentrator writes below its own id and reads its own receipts; the user `ingest`, which
    is the Cloud's, reads all Concentrators and writes receipts.
    """
    topics.check_id(ingest)
    own = topics.concentrator_status(_SOMEBODY).removesuffix(f"/{topics.STATUS}")
    receipts = topics.receipts(_SOMEBODY)
    return (
        "# mosquitto.conf: allow_anonymous false; acl_file with this file's path; better also\n"
        "# max_inflight_messages 2000: by itself it lets 20 messages be under way at a time.\n"
        "# max_packet_size 2000000: no message of the chain is longer, and ingest would have to\n"
        "# read whatever comes into its memory.\n"
        "# The Concentrators' listener: require_certificate true; use_identity_as_username true;\n"
        "# use_username_as_clientid true, or one could throw out another by its client id.\n"
        "# Another listener for ingest, which no Concentrator reaches, without that last line, as\n"
        "# each of several ingests has a client id of its own.\n"
        f"pattern write {own.replace(_SOMEBODY, '%u')}/#\n"
        f"pattern read {receipts.replace('/' + _SOMEBODY, '/%u')}\n"
        f"\nuser {ingest}\n"
        f"topic read {topics.ALL_CONCENTRATORS}\n"
        f"topic write {receipts.replace('/' + _SOMEBODY, '/+')}\n"
    )
