"""``mmtransfer.tools.get_cost`` from a checkout."""

import sys

from mmtransfer.tools.get_cost import main

if __name__ == '__main__':
    sys.exit(main())
