"""Transformers: a callback that records what the `Trainer` logs and saves, and stops on request.

arguments = TrainingArguments(output_dir=orch.checkpoint_dir(), seed=orch.seed(), …)
trainer = Trainer(model, arguments, callbacks=[orch.transformers.OrchCallback()], …)
trainer.train(resume_from_checkpoint=orch.resume_from())
orch.result(trainer.evaluate())
"""

import os
import sys
from collections.abc import Mapping
from typing import Any, Optional

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from . import _stop
from ._checkpoints import checkpoint
from ._metrics import log, progress


class OrchCallback(TrainerCallback):
    """Asked to stop, it has the trainer save a checkpoint, and exits."""

    _stopping = False

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Optional[Mapping[str, Any]] = None,
        **_: Any,
    ) -> None:
        """Records the numbers at the global step."""
        if state.is_world_process_zero and logs:
            log(state.global_step, logs)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Asks the trainer to save and to stop, if the attempt is asked to stop."""
        progress(state.global_step, state.max_steps)
        if _any_rank(_stop.should_stop(), args):
            self._stopping = True
            control.should_save = True
            control.should_training_stop = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Names the checkpoint that the trainer has saved."""
        if state.is_world_process_zero:
            folder = f"checkpoint-{state.global_step}"
            checkpoint(os.path.join(str(args.output_dir), folder), state.global_step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Ends the attempt after a request to stop, so that the script does not go on to its results."""
        if self._stopping and state.global_step < state.max_steps:
            sys.exit(_stop.STOPPED)


def _any_rank(flag: bool, args: TrainingArguments) -> bool:
    """True if `flag` is true in any process: all save and stop after the same step."""
    if args.world_size == 1:
        return flag
    flags = torch.tensor(int(flag), device=args.device)
    torch.distributed.all_reduce(flags, torch.distributed.ReduceOp.MAX)
    return bool(flags)
