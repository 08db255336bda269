"""The rules of the Cloud's broker: who may write and read what, by the name in a certificate."""

from smartmeter import topics

_SOMEBODY = "x"


def mosquitto(ingest: str) -> str:
    """An access list for mosquitto (acl_file) with use_identity_as_username true.

    A Concentrator writes below its own id and reads its own receipts; the user `ingest`, which
    is the Cloud's, reads all Concentrators and writes receipts.
    """
    topics.check_id(ingest)
    own = topics.concentrator_status(_SOMEBODY).removesuffix(f"/{topics.STATUS}")
    receipts = topics.receipts(_SOMEBODY)
    return (
        "# mosquitto.conf: require_certificate true, use_identity_as_username true,\n"
        "# allow_anonymous false, and acl_file with the path of this file; better also\n"
        "# max_inflight_messages 2000: by itself it lets 20 messages be under way at a time\n"
        f"pattern write {own.replace(_SOMEBODY, '%u')}/#\n"
        f"pattern read {receipts.replace('/' + _SOMEBODY, '/%u')}\n"
        f"\nuser {ingest}\n"
        f"topic read {topics.ALL_CONCENTRATORS}\n"
        f"topic write {receipts.replace('/' + _SOMEBODY, '/+')}\n"
    )
