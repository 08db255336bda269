import sys

from smartmeter_cloud.cli import main

sys.exit(main())
