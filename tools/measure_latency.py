"""``mmtransfer.tools.measure_latency`` from a checkout."""

import sys

from mmtransfer.tools.measure_latency import main

if __name__ == '__main__':
    sys.exit(main())
