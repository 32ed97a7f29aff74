"""``mmtransfer.tools.plot_chain`` from a checkout."""

import sys

from mmtransfer.tools.plot_chain import main

if __name__ == '__main__':
    sys.exit(main())
