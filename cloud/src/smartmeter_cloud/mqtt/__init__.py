"""The part of MQTT 3.1.1 and 5 that ingest needs, in bulk.

One PUBLISH at a time through a general client costs more than storing it: paho takes 55 us for
each (MQTT 5, with acknowledgement), this parser about 3. It subscribes at QoS 1, acknowledges
when told to, and publishes at QoS 1.
"""
