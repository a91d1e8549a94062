"""Faults: what happens to acknowledged messages when something breaks.

`make faults` runs all faults in full on both databases and prints the table fault × database × figures. The ordinary
suite runs a fast subset. A fault is a test module of its own, `test_<fault>.py`, with

- a test marked `@pytest.mark.faults`: the full form, which takes a `stage` (or `make_stage(…)`) and `report`;
- a fast one on `shared_stage`, which must leave the server running, where that is worth a few seconds of every run.

    @pytest.mark.faults
    def test_messages_survive_it(stage: Stage, report: Report) -> None:
        with Load(stage, clients=8) as load:
            time.sleep(1)
            break_something()
            fault_ended = time.monotonic()
            time.sleep(2)
        report(judge(stage, load.record, fault="3 kill -9 of PostgreSQL", fault_ended=fault_ended))

- `tests.faults.stage.Stage`: database, organization, key, server; `kill()`, `start()`, `kill_worker()`, `send()`.
- `tests.faults.recording`: `Load`, `RecordingClient`, `Record`, and the operations `append`, `batch`, `creation`.
- `tests.faults.judging`: `judge(…)` reads everything back and returns a `tests.faults.verdict.Verdict`; a fault with
  figures of its own makes a `Verdict` itself or gives `notes` and `problems`.
- `tests.faults.table`: the table, kept in `var/faults/` and `var/faults.md`.
"""
