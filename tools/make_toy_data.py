"""``mmtransfer.tools.make_toy_data`` from a checkout."""

import sys

from mmtransfer.tools.make_toy_data import main

if __name__ == '__main__':
    sys.exit(main())
