"""What a search shows while it runs: probabilities and the derived architecture, once an epoch."""

from mmengine.hooks import Hook

from mmtransfer.hooks.averaged import averaged
from mmtransfer.hooks.checks.search import check_loop
from mmtransfer.registry import HOOKS
from mmtransfer.report.drawing import draw, to_array
from mmtransfer.search import skip_share
from mmtransfer.search.derive import plain_probabilities


@HOOKS.register_module()
class SearchLogHook(Hook):
    """Writes to every visualiser backend (TensorBoard among them) after each epoch from the first
    one with architecture steps on.

    Scalars ``prob/<choice>/<option>`` and ``skip_share``; an image ``architecture`` of what would
    be derived now; a warning when more than ``skip_share`` of the layers that can be skipped are,
    after the first epoch of architecture steps that shows it and at the end of the search.

    Args:
        skip_share: In [0, 1]; 1 never warns.
    """

    priority = 'BELOW_NORMAL'
    of_searches = True

    def __init__(self, skip_share: float = 0.5) -> None:
        if not 0 <= skip_share <= 1:
            raise ValueError(f'skip_share must lie in [0, 1]; received {skip_share}.')
        self.skip_share = skip_share
        self._warned = False

    def before_run(self, runner) -> None:
        """Refuse a training that does not search.

        Raises:
            SearchConfigError: Names the line that is missing.
        """
        check_loop(runner)

    def after_train_epoch(self, runner) -> None:
        """Called when an epoch of weight steps ends."""
        loop = runner.train_loop
        space, found = loop.supernet.space, loop.derive()
        if found is None:  # nothing is learned yet, or candidates are scored after the last epoch
            return
        with averaged(runner):
            probabilities = plain_probabilities(loop.supernet)
        scalars = {
            f'prob/{c.name}/{option}': p
            for c in space.choices
            for option, p in zip(c.options, probabilities[c.name], strict=True)
        }
        share = skip_share(found)
        scalars['skip_share'] = share
        runner.visualizer.add_scalars(scalars, step=runner.iter)
        shown = found.replace(output_stride=loop.table.output_stride)
        figure = draw([shown], [f'epoch {runner.epoch + 1}'])
        runner.visualizer.add_image('architecture', to_array(figure), step=runner.iter)
        if not self._warned:
            self._warned = self._warn(runner, share, 'the search is collapsing')

    def after_train(self, runner) -> None:
        """Called when the search ends."""
        found = runner.train_loop.derive()
        if found is not None:
            self._warn(runner, skip_share(found), 'the search has collapsed')

    def _warn(self, runner, share: float, what: str) -> bool:
        """Warn where the share is high; returns whether it is."""
        if share <= self.skip_share:
            return False
        runner.logger.warning(
            f'{what}: {share:.0%} of the layers that can be skipped are, more than '
            f'{self.skip_share:.0%}. Give the space min_layers, lower the factor of the cost term, '
            f'set a target (searcher.target), or begin architecture steps later (arch_begin).'
        )
        return True
