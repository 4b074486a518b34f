"""A classifier of points on a plane with Lightning, whose logger and checkpoints are orch's."""

import lightning
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import orch
from orch.lightning import OrchCheckpoint, OrchLogger


class Classifier(lightning.LightningModule):
    def __init__(self, width, lr):
        super().__init__()
        self.lr = lr
        self.network = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))

    def training_step(self, batch, _):
        points, labels = batch
        loss = nn.functional.binary_cross_entropy_with_logits(self.network(points), labels)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, _):
        points, labels = batch
        self.log("val/accuracy", ((self.network(points) > 0) == (labels > 0.5)).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def data(points, seed):
    """Points, and whether each lies in the unit circle."""
    positions = torch.randn(points, 2, generator=torch.Generator().manual_seed(seed))
    labels = (positions.norm(dim=1, keepdim=True) < 1).float()
    return DataLoader(TensorDataset(positions, labels), batch_size=64)


config = orch.config(width=16, lr=0.01)
lightning.seed_everything(orch.seed())
trainer = Trainer(
    max_epochs=8,
    logger=OrchLogger(),
    callbacks=[OrchCheckpoint()],
    log_every_n_steps=4,
    accelerator="cpu",
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
model = Classifier(config.width, config.lr)
trainer.fit(model, data(1024, orch.seed()), data(512, 1000), ckpt_path=orch.resume_from())
orch.result(accuracy=trainer.callback_metrics["val/accuracy"])
