"""A tiny GPT-2 with random weights learns to count modulo ten with the `Trainer` of Transformers."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

import orch
from orch.transformers import OrchCallback


class Counting(torch.utils.data.Dataset):
    """Sequences such as 7 8 9 0 1 …"""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        tokens = (index % 10 + torch.arange(16)) % 10
        return {"input_ids": tokens, "labels": tokens}


config = orch.config(layers=1, lr=3e-3)
set_seed(orch.seed())
shape = {"n_embd": 16, "n_head": 2, "n_layer": config.layers, "n_positions": 16, "vocab_size": 10}
model = GPT2LMHeadModel(GPT2Config(**shape, bos_token_id=0, eos_token_id=0))
arguments = TrainingArguments(
    output_dir=orch.checkpoint_dir(),
    seed=orch.seed(),
    max_steps=60,
    learning_rate=config.lr,
    per_device_train_batch_size=16,
    logging_steps=5,
    eval_strategy="steps",
    eval_steps=10,
    save_steps=20,
    save_total_limit=2,
    disable_tqdm=True,
    report_to=[],
    use_cpu=True,
)
trainer = Trainer(
    model,
    arguments,
    train_dataset=Counting(200),
    eval_dataset=Counting(10),
    callbacks=[OrchCallback()],
)
trainer.train(resume_from_checkpoint=orch.resume_from())
orch.result(loss=trainer.evaluate()["eval_loss"])
