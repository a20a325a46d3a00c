from kerastune_lite._src.views.announcing import announce


def test_lines_are_printed_unless_it_is_silent(capsys):
    announce("found", 0)
    announce("seen", 1)
    assert capsys.readouterr().out == "seen\n"
