"""Run folders: everything a training run leaves on disk, written by one engine, read by any process.

    folder       RunFolder: create, open and lock one run; the names of its files
    events       the kinds of event and their payloads
    journal      events.jsonl: JournalWriter appends, JournalReader tails
    state        reduce(state, event) -> state: the one state from which every view is drawn
    records      the data of one step: rollouts, tests, matrices
    metrics      the table of a step's metrics
    archive      rollouts.sqlite: ArchiveWriter; archive_reader: ArchiveReader
    checkpoints  CheckpointStore: written to a temporary folder, verified, renamed
    lock, heartbeat, inbox, live   one engine per run, its liveness, its commands, its transient token tails
    listing      list_runs, find_run

Steps are counted from 1; a checkpoint `step-000003` holds the state after step 3. The engine writes the archive (one
transaction per step), then the journal's `step_finished`, then the checkpoint, so a kill at any moment is harmless.
Resuming from checkpoint 3 therefore is

    archive.drop_from(4)            # rows of steps that will be run again
    journal.resumed(from_step=4)    # readers forget the events of steps >= 4; the file keeps them

Nothing here imports torch or pydantic: the dashboard imports this room.
"""
