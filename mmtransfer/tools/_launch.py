"""torchrun whose own traceback does not bury the message of the process that failed.

python tools/_launch.py [arguments of torchrun] SCRIPT [arguments of the script]
"""

import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def main() -> int:
    try:
        run.main(sys.argv[1:])
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(f'process {rank} ended with code {failure.exitcode}; see above', file=sys.stderr)
        return failure.exitcode if failure.exitcode > 0 else 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
