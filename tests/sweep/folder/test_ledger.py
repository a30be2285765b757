"""What a trial leaves on disk."""

from pathlib import Path

from raytd.sweep.folder.ledger import Ledger


def test_a_log_has_the_text_of_a_traceback_without_its_colours(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    traceback = "\x1b[36mray::BlockHost.call()\x1b[39m (pid=7)\n  \x1b[1;31mValueError\x1b[0m: x\n"
    ledger.write_failure({"trial_key": "k", "status": "failed"}, {}, traceback)
    log = (ledger.trial_folder("k") / "log.txt").read_text()
    assert log == "ray::BlockHost.call() (pid=7)\n  ValueError: x\n"
