"""How each model's reference outputs are played: one model, one file with its `GOLDEN`, one name
here.
"""

MODELS = (
    "safepaint", "edgeconnect", "madf", "ctsdg", "aotgan", "lama", "fcf",
    "psccnet", "trufor", "iidnet",
)  # fmt: skip
