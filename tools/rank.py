"""``mmtransfer.tools.rank`` from a checkout."""

import sys

from mmtransfer.tools.rank import main

if __name__ == '__main__':
    sys.exit(main())
