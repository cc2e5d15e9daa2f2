"""Registry of kinds: a name, and where it is defined. A module is imported by the workers of its kinds alone."""

from __future__ import annotations

KINDS = {
    "run folder": "run_folders:RUN_FOLDER",
    "journal": "run_folders:JOURNAL",
    "archive": "run_folders:ARCHIVE",
    "task files": "run_folders:TASK_FILES",
    "tar": "tars:TAR",
    "dashboard": "run_folders:DASHBOARD",
    "evaluation": "evaluations:EVALUATION",
    "CURE": "problem_files:CURE",
    "statement": "problem_files:STATEMENT",
    "front matter": "problem_files:FRONT_MATTER",
    "own program": "problem_files:OWN_PROGRAM",
    "answer": "problem_files:ANSWER",
    "preset": "settings_files:PRESET",
    "set": "settings_files:SET",
    "endpoints": "settings_files:ENDPOINTS",
    "default": "settings_files:DEFAULT",
    "chat server": "server_replies:CHAT",
    "vllm server": "server_replies:VLLM",
    "local server": "server_replies:LOCAL",
    "reward request": "reward_requests:REWARD_REQUEST",
    "adapter": "model_files:ADAPTER",
    "checkpoint": "model_files:CHECKPOINT",
    "template": "model_files:TEMPLATE",
    "tokenizer": "model_files:TOKENIZER",
    "model": "model_files:MODEL",
}
