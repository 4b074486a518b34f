"""A small network learns the sine. Killed at any moment, or stopped, it goes on from its last checkpoint
and ends with the same numbers."""

import sys

import torch
from torch import nn

import orch

STEPS = 400
CHECKPOINT_EVERY = 50

config = orch.config(optimizer="Adam", lr=0.01)
torch.manual_seed(orch.seed())
generator = torch.Generator().manual_seed(orch.seed())
model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = getattr(torch.optim, config.optimizer)(model.parameters(), lr=config.lr)


def error(points):
    return nn.functional.mse_loss(model(points), torch.sin(2 * points))


step = 0
if path := orch.resume_from():
    saved = torch.load(path)
    step = saved["step"]
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    generator.set_state(saved["generator"])

while step < STEPS:
    step += 1
    loss = error(6 * torch.rand(64, 1, generator=generator) - 3)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    orch.progress(step, STEPS)
    if step % 10 == 0:
        orch.log(step, loss=loss)
    stop = orch.should_stop()
    if stop or step % CHECKPOINT_EVERY == 0:
        path = f"{orch.checkpoint_dir()}/step-{step}.pt"
        state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "generator": generator.get_state()}, path)
        orch.checkpoint(path, step)
    if stop:
        sys.exit(orch.STOPPED)

with torch.no_grad():
    orch.result(error=error(torch.linspace(-3, 3, 1000).unsqueeze(1)))
