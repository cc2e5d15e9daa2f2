"""Pictures of rollouts and matrices as rows of spans: pure functions of records, which know no terminal and no file."""
