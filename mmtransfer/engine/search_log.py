"""What a search shows while it runs: probabilities and the derived architecture, once an epoch."""

from mmengine.hooks import Hook

from mmtransfer.draw import draw, to_array
from mmtransfer.registry import HOOKS
from mmtransfer.search import derive_supernet

from .parallel import unwrap


@HOOKS.register_module()
class SearchLogHook(Hook):
    """Writes to every visualiser backend (TensorBoard among them) after each epoch.

    Scalars ``prob/<choice>/<option>``; an image ``architecture`` of what would be derived now; a
    warning when more than ``skip_share`` of the optional layers have collapsed to skips.

    Args:
        skip_share: In [0, 1].
    """

    priority = 'BELOW_NORMAL'

    def __init__(self, skip_share: float = 0.8) -> None:
        self.skip_share = skip_share

    def before_test(self, runner) -> None:
        """A test of a search checkpoint tests the architecture that it would derive."""
        model = unwrap(runner.model)
        found = derive_supernet(model.backbone, runner.cfg.train_cfg)
        model.backbone.select(found)
        runner.logger.info(f'testing the derived architecture: {found.as_dict}')

    def after_train_epoch(self, runner) -> None:
        """Called when an epoch of weight steps ends."""
        loop = runner.train_loop
        space, found = loop.supernet.space, loop.derive()
        probabilities = loop.searcher.probabilities()
        scalars = {
            f'prob/{c.name}/{option}': p
            for c in space.choices
            for option, p in zip(c.options, probabilities[c.name], strict=True)
        }
        runner.visualizer.add_scalars(scalars, step=runner.iter)
        figure = draw([found], [f'epoch {runner.epoch + 1}'])
        runner.visualizer.add_image('architecture', to_array(figure), step=runner.iter)

        optional = [c.name for c in space.choices if 'skip' in c.options]
        share = sum(found[name] == 'skip' for name in optional) / max(1, len(optional))
        if share > self.skip_share:
            runner.logger.warning(
                f'{share:.0%} of the optional layers are skips: the search may be collapsing. '
                f'Lower the factor of the cost term, or give the space min_layers.'
            )
