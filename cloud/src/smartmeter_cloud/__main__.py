import sys

from smartmeter_cloud.cli.main import main

sys.exit(main())
