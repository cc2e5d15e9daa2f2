"""Finding, fetching and loading a model; what is trained of it afterwards is `engine.policy`'s.

    base = load_base_model(folder_or_hub_name, precision, device)

No peft here: solving with a model that nobody has trained need not wait for its import.
"""

from engine.models.base_model import BaseModel, load_base_model

__all__ = ["BaseModel", "load_base_model"]
