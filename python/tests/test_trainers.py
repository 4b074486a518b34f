"""The callbacks in real trainers: stopped at a checkpoint and run again, a training ends as an
undisturbed one."""

import signal
import time

import pytest
from conftest import Trial

LIGHTNING = """
    import os, time
    import lightning, torch
    import orch
    from orch.lightning import OrchCheckpoint, OrchLogger

    class Loader(torch.utils.data.DataLoader):
        # In order, from the batch after the last one of a checkpoint.
        at = 0
        def __iter__(self):
            batches = list(super().__iter__())
            start = self.at % len(batches)
            for self.at in range(start + 1, len(batches) + 1):
                yield batches[self.at - 1]
        def state_dict(self): return {"at": self.at}
        def load_state_dict(self, state): self.at = state["at"]

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)
        def training_step(self, batch, _):
            # The first attempt waits here until it is asked to stop.
            while os.path.exists("gate") and self.global_step == 5 and not orch.should_stop():
                open("waits", "w").close()
                time.sleep(0.01)
            loss = self.layer(batch[0]).square().mean()
            self.log("loss", loss)
            return loss
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    lightning.seed_everything(1)
    points = torch.utils.data.TensorDataset(torch.randn(64, 2))
    data = Loader(points, batch_size=8)
    trainer = lightning.Trainer(
        max_epochs=2, logger=OrchLogger(), callbacks=[OrchCheckpoint(every_n_steps=4)],
        log_every_n_steps=1, accelerator="cpu", devices=1, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(Module(), data, ckpt_path=orch.resume_from())
    orch.result(trainer.callback_metrics)
"""

TRANSFORMERS = """
    import os, time
    import torch, transformers
    import orch
    from orch.transformers import OrchCallback

    class Data(torch.utils.data.Dataset):
        def __len__(self): return 32
        def __getitem__(self, index):
            tokens = (torch.arange(8) + index) % 10
            return {"input_ids": tokens, "labels": tokens}

    class Gate(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            while os.path.exists("gate") and state.global_step == 5 and not orch.should_stop():
                open("waits", "w").close()
                time.sleep(0.01)

    transformers.set_seed(1)
    shape = dict(n_embd=8, n_head=1, n_layer=1, n_positions=8, vocab_size=10)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape, bos_token_id=0, eos_token_id=0))
    arguments = transformers.TrainingArguments(
        output_dir=orch.checkpoint_dir(), max_steps=12, per_device_train_batch_size=4, save_steps=4,
        logging_steps=1, report_to=[], disable_tqdm=True, use_cpu=True, learning_rate=1e-2,
    )
    trainer = transformers.Trainer(model, arguments, train_dataset=Data(), callbacks=[OrchCallback(), Gate()])
    trainer.train(resume_from_checkpoint=orch.resume_from())
    orch.result(trainer.evaluate(Data()))
"""


def points(*attempts):
    """Step and values of the points that are not about time, the later attempt's where two overlap."""
    found = {}
    for event in (event for events in attempts for event in events if event["event"] == "metrics"):
        for name, value in event["values"].items():
            if not any(word in name for word in ("time", "second", "train_", "total_flos")):
                found[name, event["step"]] = value
    return found


def final(events):
    """The last result, without what is about time."""
    values = [event["values"] for event in events if event["event"] == "result"][-1]
    return {
        name: value for name, value in values.items() if "second" not in name and "time" not in name
    }


@pytest.mark.parametrize(
    ("script", "saved", "resumed_from"),
    [
        (LIGHTNING, {4, 8, 12, 16}, 6),
        (TRANSFORMERS, {4, 8, 12}, 6),
    ],
    ids=["lightning", "transformers"],
)
def test_stopped_and_run_again(trial, tmp_path, script, saved, resumed_from):
    undisturbed = Trial(tmp_path / "undisturbed", {})
    undisturbed.run(script)
    expected = undisturbed.events()
    assert {event["step"] for event in expected if event["event"] == "checkpoint"} == saved

    (trial.folder / "gate").touch()
    process = trial.start(script)
    while not (trial.folder / "waits").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 75, err
    first = trial.events()
    assert [event for event in first if event["event"] == "checkpoint"][-1]["step"] == resumed_from
    assert not [event for event in first if event["event"] == "result"]

    (trial.folder / "gate").unlink()
    trial.run(script)
    second = trial.events()
    assert second[0]["resumed_from"] == resumed_from
    assert final(second) == pytest.approx(final(expected), rel=1e-6)
    assert points(first, second) == pytest.approx(points(expected), rel=1e-6)
