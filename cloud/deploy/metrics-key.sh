# Makes the key with which Prometheus reads the metrics, once.
set -eu
cd /etc/smartmeter-cloud
if [ ! -s metrics.key ]; then
    smartmeter-cloud key prometheus --scope metrics --config cloud.toml > metrics.key.new
    chmod 640 metrics.key.new
    mv metrics.key.new metrics.key
fi
