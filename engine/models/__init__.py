"""Base models: find, download and load them. `engine.policy` trains them.

    base = load_base_model(folder_or_hub_name, precision, device)

peft is not imported here: solving with an untrained model need not wait for it.
"""

from engine.models.base_model import BaseModel, load_base_model

__all__ = ["BaseModel", "load_base_model"]
