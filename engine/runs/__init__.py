"""A run's folder: everything a training run leaves on disk, written by one engine and read by anybody.

    home         where runs live, ids of new runs
    folder       RunFolder: create, open and lock one run; the names of its files
    events       what can happen in a run: the kinds of event and their payloads
    journal      events.jsonl: JournalWriter appends, JournalReader tails
    state        reduce(state, event) -> state: the one picture that every view is drawn from
    records      what a step leaves behind: rollouts, tests, matrices
    archive      rollouts.sqlite: ArchiveWriter; archive_reader: ArchiveReader
    checkpoints  CheckpointStore: written aside, verified, renamed
    lock, heartbeat, inbox, live   one engine a run, its pulse, its commands, its throw-away token tails
    listing      list_runs, find_run

Steps are counted from 1; a checkpoint `step-000003` holds the state after step 3. The order of writing makes
a kill at any moment harmless: archive (one transaction a step), then the journal's `step_finished`, then the
checkpoint. Resuming from checkpoint 3 therefore is

    archive.drop_from(4)            # rows of steps that are going to be run again
    journal.resumed(from_step=4)    # readers forget the events of steps >= 4; the file keeps them

Nothing here imports torch or pydantic: the dashboard imports this room.
"""
