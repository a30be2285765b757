"""Every wrong sweep file on record is refused in the words on record."""

import re
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.file.load import load_sweep

RECORD = (Path(__file__).parent / "WRONG_FILES.md").read_text()
CASES = re.findall(r"^## (\d+)\n\n```yaml\n(.*?)```\n\n```text\n(.*?)```", RECORD, re.M | re.S)


def test_there_are_thirty_and_more() -> None:
    assert [int(number) for number, *_ in CASES] == list(range(1, RECORD.count("\n## ") + 1))
    assert len(CASES) >= 30


@pytest.mark.parametrize(("content", "said"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_wrong_file_is_refused_in_these_words(
    content: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(content)
    with pytest.raises(RequestError) as refused:
        load_sweep("s.yaml", has_gpu=lambda: False)
    assert f"{refused.value}\n" == said
