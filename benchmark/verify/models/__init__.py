"""Reference outputs of each model: one file per model with its `REFERENCE`."""

MODELS = (
    "safepaint", "edgeconnect", "madf", "ctsdg", "aotgan", "lama", "fcf",
    "psccnet", "trufor", "iidnet",
)  # fmt: skip
