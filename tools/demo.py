"""``mmtransfer.tools.demo`` from a checkout."""

import sys

from mmtransfer.tools.demo import main

if __name__ == '__main__':
    sys.exit(main())
