"""What commands print is text, whatever is in it."""

from io import StringIO

from raytd.cli.terminal import open_console, open_table


def test_names_neither_mark_up_nor_steer_the_terminal() -> None:
    console = open_console()
    console.file = StringIO()
    table = open_table("class", title="[/red]\x1b[2J")
    table.add_row("[bold]\x1b[31mred\a\r")
    console.print(table)
    console.print("[/red] \x1b]0;title\a", soft_wrap=True)
    shown = console.file.getvalue()
    assert "\x1b[2J" not in shown
    assert "[bold]\\x1b[31mred\\x07\\r" in shown
    assert "[/red] \\x1b]0;title\\x07\n" in shown
