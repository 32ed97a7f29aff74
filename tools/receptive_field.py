"""``mmtransfer.tools.receptive_field`` from a checkout."""

import sys

from mmtransfer.tools.receptive_field import main

if __name__ == '__main__':
    sys.exit(main())
