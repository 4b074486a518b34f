//! Tiny configs in which every row of Table 1 trains within seconds.

use serde_json::{Value, json};

/// A network of a few thousand parameters on faces of 16 px, trained for 30 steps.
pub(crate) fn config() -> Value {
    json!({
        "device": "cpu",
        "data": {"train_count": 12, "validation_count": 3},
        "image": {"size": 16, "low": 4},
        "model": {"inner": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4, "attention": 0},
        "diffusion": {"schedule": "cosine", "steps": 8, "prediction": "v", "level": "sample"},
        "training": {"iterations": 30, "batch": 4, "learning_rate": 1e-3, "warmup": 5, "ema": 0.9,
            "checkpoint_every": 10, "log_every": 4},
        "evaluation": {"every": 15, "curve_images": 2, "ddim_steps": 3, "images": 3, "batch": 2,
            "sheet_images": 1},
    })
}

/// What each row of Table 1 sets beside the noise schedule, and what else changes the arithmetic.
pub(crate) fn rows() -> [(&'static str, Value); 7] {
    [
        ("linear", json!({"diffusion": {"schedule": "linear"}})),
        ("vlb", json!({"diffusion": {"schedule": "linear", "loss": "hybrid"}})),
        ("cosine", json!({"training": {"warmup": 20}})),
        ("attention", json!({"model": {"input": "attention"}})),
        ("residual", json!({"diffusion": {"residual": "plain"}})),
        (
            "combined",
            json!({
                "diffusion": {"residual": "plain"},
                "model": {"multipliers": [1, 2, 2], "heads": 8, "injection": "small-kernels",
                    "injection_channels": 4},
            }),
        ),
        ("bf16", json!({"training": {"precision": "bf16"}, "evaluation": {"precision": "bf16"}})),
    ]
}

/// `config` with the entries of `changes`, section by section.
pub(crate) fn with(mut config: Value, changes: &Value) -> Value {
    for (section, entries) in changes.as_object().unwrap() {
        let section = config[section].as_object_mut().unwrap();
        section.extend(entries.as_object().unwrap().clone());
    }
    config
}
