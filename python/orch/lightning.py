"""Lightning: a logger, and a callback that saves checkpoints, resumes and stops on request.

logger = orch.lightning.OrchLogger()
trainer = Trainer(logger=logger, callbacks=[orch.lightning.OrchCheckpoint(every_n_steps=500)])
trainer.fit(model, data, ckpt_path=orch.resume_from())
orch.result(trainer.logged_metrics)
"""

import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, Optional, Union

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger

from . import _stop
from ._checkpoints import checkpoint
from ._environment import attempt
from ._metrics import log, progress
from ._trial import artifact_dir, checkpoint_dir


class OrchLogger(Logger):
    """Records what a module logs as points at the trainer's global step."""

    @property
    def name(self) -> str:
        """The experiment's name."""
        return os.environ.get("ORCH_EXPERIMENT", "local")

    @property
    def version(self) -> str:
        """The trial's id."""
        current = attempt()
        return current.trial.name if current else "local"

    @property
    def save_dir(self) -> str:
        """The trial's folder of artifacts."""
        return artifact_dir()

    def log_metrics(self, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
        """See `orch.log`."""
        log(0 if step is None else step, metrics)

    def log_hyperparams(
        self, params: Union[dict[str, Any], Namespace], *arguments: Any, **options: Any
    ) -> None:
        """Does nothing: the trial's config is recorded already."""


class OrchCheckpoint(Callback):
    """Saves complete checkpoints where the trial's next attempt finds them: at the end of every epoch,
    and with `every_n_steps` also after so many steps and when the attempt is asked to stop.

    From the middle of an epoch Lightning resumes exactly only with a data loader that has a state, such
    as torchdata's `StatefulDataLoader`. So without `every_n_steps` a stop leaves the last epoch's.
    """

    def __init__(self, every_n_steps: Optional[int] = None) -> None:
        self._every_n_steps = every_n_steps
        self._saved = -1
        self._unnamed: Optional[int] = None
        self._stopping = False
        self._steps = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes SIGTERM over from the trainer, which would end without a checkpoint."""
        _stop.listen(chain=False)
        steps = trainer.estimated_stepping_batches
        self._steps = int(steps) if steps != float("inf") else 0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, *arguments: Any, **options: Any
    ) -> None:
        """Ends the attempt if it was asked to stop: only now the last batch's values are logged."""
        self._name()
        if self._stopping:
            sys.exit(_stop.STOPPED)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *arguments: Any, **options: Any
    ) -> None:
        """Saves a checkpoint if one is due."""
        step = trainer.global_step
        if self._steps:
            progress(step, self._steps)
        # All ranks stop after the same batch, since they save together.
        stop = _stop.should_stop()
        self._stopping = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if self._every_n_steps and (self._stopping or step % self._every_n_steps == 0):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves a checkpoint."""
        self._save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Names the last checkpoint."""
        self._name()

    def _save(self, trainer: Trainer) -> None:
        self._name()
        step = trainer.global_step
        if step != self._saved:  # several batches to a step, or the last one of an epoch
            trainer.save_checkpoint(_path(step))
            self._saved = self._unnamed = step

    def _name(self) -> None:
        """Names the checkpoint that was saved. The trainer logs the values of its step later than it
        calls the hooks, and all values up to a checkpoint have to be recorded before it counts."""
        if self._unnamed is not None:
            checkpoint(_path(self._unnamed), self._unnamed)
            self._unnamed = None


def _path(step: int) -> str:
    return os.path.join(checkpoint_dir(), f"step-{step}.ckpt")
