"""The demo guest's shell and its commands, typed at the prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.guests.fake_tty import Line, demo_module, running_demo
from tests.machine.rig import virtual_time

arithmetic = demo_module("shell.arithmetic")
lexer = demo_module("shell.lexer")
grammar = demo_module("shell.grammar")


@asynccontextmanager
async def at_shell(**settings: Any) -> AsyncIterator[Line]:
    async with running_demo(time_scale=0, boot_seconds=0, **settings) as line:
        await line.log_in()
        yield line


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("echo hello", "hello\n"),
        ("echo -n x; echo y", "xy\n"),
        (r"echo -e 'a\tb\x41\n'", "a\tbA\n\n"),
        ("echo 'a  $HOME' \"b  $HOME\" c\\ \\ d", "a  $HOME b  /root c  d\n"),
        ("X=5; echo $X ${X}1 '$X'", "5 51 $X\n"),
        ("X='a   b'; echo $X \"$X\"", "a b a   b\n"),
        ("echo ${NOPE:-default} ${#HOME} ${HOME%o*t} ${HOME#/}", "default 5 /ro root\n"),
        ("false; echo $?; true; echo $?", "1\n0\n"),
        ("false && echo no || echo yes", "yes\n"),
        ("! true; echo $?", "1\n"),
        ("(exit 7); echo $?", "7\n"),
        ("(cd /tmp; pwd); pwd", "/tmp\n/root\n"),
        ("{ echo a; echo b; } | wc -l", "2\n"),
        ("for i in 1; do echo aGk=; done 3>&2 | base64 -d; echo", "hi\n"),
        ("for i in 1; do echo aGk=; done 3>&2 2>/dev/null | base64 -d; echo", "hi\n"),
        ("{ echo out; echo err >&2; } 2>&1 | wc -l", "2\n"),
        ("{ echo out; echo err >&2; } |& wc -l", "2\n"),
        ("(echo a; echo b) >/tmp/f | cat; cat /tmp/f", "a\nb\n"),
        ("echo a >/tmp/f; echo b >>/tmp/f; while read x; do echo $x; done </tmp/f | tr a-z A-Z", "A\nB\n"),
        ("if true; then echo yes; fi 2>/dev/null | tr y Y", "Yes\n"),
        ("{ { echo e >&2; echo o; } 3>&1 1>&2 2>&3; } 2>/dev/null | cat", "e\n"),
        ("exec 3>/tmp/f; echo hi >&3; exec 3>&-; cat /tmp/f; echo no >&3", "hi\n-bash: 3: Bad file descriptor\n"),
        ("seq 4 >/tmp/f; exec 4</tmp/f; read a <&4; read b <&4; exec 4<&-; echo $a$b", "12\n"),
        ("seq 9 >/tmp/f; dd if=/tmp/f bs=4 skip=1 count=2 status=none", "3\n4\n5\n6\n"),
        ("seq 3 | { read a; echo first $a; cat; }", "first 1\n2\n3\n"),
        ("eval 'echo out; echo err >&2' 2>&1 | wc -l", "2\n"),
        ("sh -c 'echo three >&3' 3>&1 | tr a-z A-Z", "THREE\n"),
        ("env echo hi >/tmp/f; tr h H </tmp/f", "Hi\n"),
        ("f() { echo $1 >&3; }; f hello 3>&1 | cat", "hello\n"),
        ("echo x 2>&1 >&-", "-bash: write error: Bad file descriptor\n"),
        ("while :; do echo y; done | head -2", "y\ny\n"),
        ("echo '  a  b' | { IFS= read -r l; echo \"[$l]\"; }", "[  a  b]\n"),
        ("for i in 1 2 3; do echo -n $i; done; echo", "123\n"),
        ("for i in {1..3} x{a,b}; do echo -n $i,; done; echo", "1,2,3,xa,xb,\n"),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo -n $i; done; echo", "123\n"),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
        ("if [ -d /etc ]; then echo dir; elif true; then echo no; else echo no; fi", "dir\n"),
        ('g() { echo "[$1]" $#; return 3; }; g a b; echo $?', "[a] 2\n3\n"),
        ("echo $(echo inner) `echo old`", "inner old\n"),
        ("echo $((2+3*4)) $(( (2+3)*4 )) $((7/2)) $((7%4)) $((1<<4)) $((0x10))", "14 20 3 3 16 16\n"),
        ("echo one > /tmp/f; echo two >> /tmp/f; cat /tmp/f; cat < /tmp/f | head -1", "one\ntwo\none\n"),
        ("ls /nothing 2>/dev/null; echo $?", "2\n"),
        ("ls /nothing 2>&1 | grep -c cannot", "1\n"),
        ("echo out 1>&2 2>/dev/null", "out\n"),
        ("sh -c 'echo $0 $1; exit 4' zero one; echo $?", "zero one\n4\n"),
        ("export A=1; B=2; sh -c 'echo $A-$B-'", "1-2-\n"),
        ("X=temporary env | grep ^X=; echo [$X]", "[]\n"),
        (
            "cd /etc; pwd; cd -; cd /nowhere; echo $?",
            "/etc\n/root\n-bash: cd: /nowhere: No such file or directory\n1\n",
        ),
        ("echo /etc/host*", "/etc/hostname /etc/hosts\n"),
        ("echo '*' \\* /no*thing", "* * /no*thing\n"),
        ("test 3 -gt 2 && [ abc = abc ] && [ -z '' ] && [[ -n x && 1 -eq 1 ]] && echo ok", "ok\n"),
        ("[ 1 -eq x ]; echo $?", "[: x: integer expression expected\n2\n"),
        ("printf '%05d|%-4s|%x|%c|%%\\n' 42 ab 255 xyz", "00042|ab  |ff|x|%\n"),
        ("printf '%s\\n' a b c", "a\nb\nc\n"),
        ("X=größer; echo größer $X; printf '%-7s|é\\n' größer", "größer größer\ngrößer |é\n"),
        (r"echo -e 'é\xe9\0351\xc3\xa9' | base64", "w6np6cOpCg==\n"),
        (r"printf 'é\xe9\351%b' '\xff' | base64; echo $'\xc3\xa9'", "w6np6f8=\né\n"),
        (r"env echo $'\xff' | base64; $'\xe9' 2>&1 | base64", "/wo=\nLWJhc2g6IOk6IGNvbW1hbmQgbm90IGZvdW5kCg==\n"),
        (r"echo größer | tr -d $'\xb6' | base64", "Z3LDw59lcgo=\n"),
        ("foo; echo $?", "-bash: foo: command not found\n127\n"),
        ("/bin/nothing; echo $?", "-bash: /bin/nothing: No such file or directory\n127\n"),
        ("/etc/passwd; echo $?", "-bash: /etc/passwd: Permission denied\n126\n"),
        ("echo 'echo script $1' > /tmp/s; sh /tmp/s arg; chmod +x /tmp/s; /tmp/s two", "script arg\nscript two\n"),
        ("set -x; echo a; set +x", "+ echo a\na\n+ set +x\n"),
        ("sh -e -c 'false; echo no'; echo $?", "1\n"),
        ("alias ll='ls -1 /etc/host*'; alias", "alias ll='ls -1 /etc/host*'\n"),
        ("echo a; # comment", "a\n"),
        ("echo a#b", "a#b\n"),
        ("yes | head -2", "y\ny\n"),
        ("seq 3 | tr '\\n' ' '; echo", "1 2 3 \n"),
        ("seq 1 2 7", "1\n3\n5\n7\n"),
        ("seq 100 | tail -2", "99\n100\n"),
        ("seq 20 | grep -c 1", "11\n"),
        ("printf 'a\\nb\\nA\\n' | grep -in a", "1:a\n3:A\n"),
        ("grep -q root /etc/passwd && echo found", "found\n"),
        ("grep nothing /etc/passwd; echo $?", "1\n"),
        ("echo abc | cksum", "1112837078 4\n"),
        ("echo abc | md5sum", "0bee89b07a248e27c83fc3d5951213c1  -\n"),
        ("echo hi | base64; echo aGkK | base64 -d", "aGkK\nhi\n"),
        ("printf '\\001\\377\\t\\n' | cat -v", "^AM-^?^I\n"),
        ("mkdir -p /tmp/d/e; : > /tmp/d/x; ls /tmp/d; rm -r /tmp/d; ls /tmp", "e  x\n"),
        ("rm /etc", "rm: cannot remove '/etc': Is a directory\n"),
        ("cat /nothing", "cat: /nothing: No such file or directory\n"),
        ("cat /etc/hostname > /tmp/a; mv /tmp/a /tmp/b; cat /tmp/b; ls /tmp", "demo\nb\n"),
        ("dd if=/dev/zero bs=4 count=2 2>/dev/null | wc -c", "8\n"),
        ("uname", "Linux\n"),
        ("uname -r", "6.1.0-18-cloud-amd64\n"),
        (
            "uname -a",
            "Linux demo 6.1.0-18-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux\n",
        ),
        (
            "whoami; date +%Z; uptime -p; ps -e | head -n 2",
            "root\nUTC\nup 0 minutes\n    PID TTY          TIME CMD\n      1 ?        00:00:00 systemd\n",
        ),
        (
            "touch /tmp/new /nowhere/new; ls /tmp",
            "touch: cannot touch '/nowhere/new': No such file or directory\nnew\n",
        ),
        ("id; id -un; hostname", "uid=0(root) gid=0(root) groups=0(root)\nroot\ndemo\n"),
        ("cat /proc/sys/kernel/sysrq; sysctl -n kernel.sysrq", "438\n438\n"),
        ("sysctl kernel.nothing", "sysctl: cannot stat /proc/sys/kernel/nothing: No such file or directory\n"),
        ("dmesg -n 1; dmesg -C; echo cleared > /dev/kmsg; dmesg -t", "cleared\n"),
        ("echo nonsense > /proc/sys/kernel/sysrq", "-bash: Invalid argument\n"),
        ("cat /sys/class/tty/console/active", "tty0 ttyS0\n"),
        ("hostname other; cat /proc/sys/kernel/hostname; hostname demo", "other\n"),
        ("dmesg | grep -c 'console .ttyS0. enabled'", "1\n"),
        ("command -v cd ls /bin/ls; command -v nothing; echo $?", "cd\n/usr/bin/ls\n/bin/ls\n1\n"),
        ("systemctl is-system-running", "running\n"),
        ("read a b < /etc/fstab; echo $a+$b", "/dev/vda1+/ ext4 errors=remount-ro 0 1\n"),
        ("echo $SHELL $USER $TERM $0", "/bin/bash root vt220 -bash\n"),
        ("echo a & wait", "[1] 413\na\n"),
        ("sleep 1 & wait; echo waited", "[1] 413\nwaited\n"),
        (")", "-bash: syntax error near unexpected token `)'\n"),
        ("echo a | | b", "-bash: syntax error near unexpected token `|'\n"),
        ("echo $((08))", '-bash: 08: value too great for base (error token is "08")\n'),
        ("echo $((1/0))", "-bash: 1/0: division by 0\n"),
        ("grep -Z", "grep: invalid option -- 'Z'\n"),
    ],
)
@virtual_time
async def test_commands(command: str, output: str) -> None:
    async with at_shell() as line:
        # A wide terminal, so that a long command is echoed in one row.
        await line.run("stty cols 500")
        assert await line.run(command) == output


@virtual_time
async def test_an_open_quote_or_block_asks_for_more() -> None:
    async with at_shell() as line:
        line.type('echo "a\r')
        await line.expect("\r\n> ")
        line.type('b"\r')
        await line.expect('b"\r\na\r\nb\r\n')
        line.type("for i in 1 2\r")
        await line.expect("\r\n> ")
        line.type("do echo n$i\r")
        await line.expect("\r\n> ")
        line.type("done\r")
        await line.expect("\r\nn1\r\nn2\r\n")


@virtual_time
async def test_a_here_document_is_read_to_its_end() -> None:
    async with at_shell() as line:
        line.type("cat <<EOF\ruser $USER\rEOF\r")
        await line.expect("\r\nuser root\r\n")
        line.type("cat > /tmp/h <<'EOF'\rkept $USER\rEOF\r")
        await line.expect("# ")
        assert await line.run("cat /tmp/h") == "kept $USER\n"


@virtual_time
async def test_ctrl_c_interrupts_a_command_and_the_rest_of_its_line() -> None:
    async with at_shell() as line:
        line.type("sleep 100; echo not reached\r")
        await trio.sleep(1)
        line.type("\x03")
        await line.expect("^C\r\nroot@demo:~# ", 0.1)
        assert await line.run("echo $?") == "130\n"


@virtual_time
async def test_ctrl_c_stops_a_flood_at_once() -> None:
    async with running_demo(bytes_per_s=11520) as line:
        await line.log_in()
        line.type("yes\r")
        await trio.sleep(2)
        seen = len(line.output)
        line.type("\x03")
        await line.expect("^C\r\nroot@demo:~# ", 0.2)
        assert line.position - seen < 200


@virtual_time
async def test_ctrl_s_stops_a_flood_and_ctrl_q_resumes_it() -> None:
    async with running_demo(bytes_per_s=11520) as line:
        await line.log_in()
        line.type("seq 1 2000\r")
        await trio.sleep(0.2)
        line.type("\x13")
        await line.silence(0.1)
        assert await line.silence(60) == b""
        line.type("\x11")
        await line.expect("\r\n2000\r\n")
        numbers = line.output[line.output.index(b"seq 1 2000\r\n") + 12 :].split(b"\r\n")[:2000]
        assert numbers == [b"%d" % number for number in range(1, 2001)]


@virtual_time
async def test_ctrl_backslash_quits_with_its_status() -> None:
    async with at_shell() as line:
        line.type("sleep 100\r")
        await trio.sleep(1)
        line.type("\x1c")
        await line.expect("^\\Quit\r\n")
        assert await line.run("echo $?") == "131\n"


@virtual_time
async def test_a_command_reads_the_terminal_until_ctrl_d() -> None:
    async with at_shell() as line:
        line.type("cat\r")
        await line.expect("cat\r\n")
        line.type("hello\r")
        await line.expect("hello\r\nhello\r\n")
        line.type("\x04")
        await line.expect("# ")
        line.type("wc -l\r")
        await line.expect("wc -l\r\n")
        line.type("one\rtwo\r\x04")
        await line.expect("two\r\n2\r\n")


@virtual_time
async def test_what_is_typed_during_a_command_is_echoed_then_and_run_afterwards() -> None:
    async with at_shell() as line:
        line.type("sleep 3\r")
        await trio.sleep(1)
        line.type("echo typed\rpart")
        await line.expect("sleep 3\r\necho typed\r\npartroot@demo:~# echo typed\r\ntyped\r\nroot@demo:~# part")


@virtual_time
async def test_stty_shows_and_programs_the_speed_of_the_uart() -> None:
    async with at_shell() as line:
        assert (await line.run("stty -a")).startswith("speed 115200 baud; rows 24; columns 80; line = 0;\n")
        await line.run("stty 9600")
        assert line.tty.line_format.baud == 9600
        assert (await line.run("stty")).startswith("speed 9600 baud; line = 0;\n")
        await line.run("stty 115200 cs7 parenb cstopb")
        assert str(line.tty.line_format) == "115200 7E2"


@virtual_time
async def test_stty_switches_echo_and_sizes() -> None:
    async with at_shell() as line:
        line.type("stty -echo; cat\r")
        await line.expect("cat\r\n")
        line.type("hidden\r\x04")
        await line.expect("hidden\r\n")
        line.type("stty echo rows 50 cols 132; stty size\r")
        await line.expect("50 132\r\n")
        assert await line.run("stty nonsense") == (
            "stty: invalid argument 'nonsense'\nTry 'stty --help' for more information.\n"
        )


@virtual_time
async def test_a_message_to_kmsg_comes_out_on_the_console_with_a_time_stamp() -> None:
    async with at_shell() as line:
        line.type("echo '<3>EXT4-fs error (device vda1): test' > /dev/kmsg\r")
        await line.expect("] EXT4-fs error (device vda1): test\r\n")
        await line.run("dmesg -n 1")
        line.type("echo quiet > /dev/kmsg\r")
        assert b"] quiet" not in await line.silence(1)


@virtual_time
async def test_the_serial_driver_counts_what_it_sent() -> None:
    async with at_shell() as line:
        report = await line.run("cat /proc/tty/driver/serial")
        assert "0: uart:16550A port:000003F8 irq:4 tx:" in report
        sent = int(report.split("tx:")[1].split()[0])
        assert 5000 < sent < len(line.output)


@virtual_time
async def test_the_disk_is_not_endless() -> None:
    async with at_shell() as line:
        output = await line.run("dd if=/dev/zero of=/tmp/big bs=1M count=17")
        assert "No space left on device" in output


@virtual_time
async def test_a_harness_that_quotes_its_markers_gets_status_and_output() -> None:
    async with at_shell() as line:
        await line.run("stty cols 500")
        line.type("echo 'MAR''KER1'; ls /nothing; echo \"$?\"; echo 'MAR''KER2'\r")
        await line.expect("MARKER1\r\n")
        assert await line.expect("\r\nMARKER2") == b"ls: cannot access '/nothing': No such file or directory\r\n2"


# --------------------------------------------------------------------------------------------------------------- parser
@given(st.text(alphabet="ab $'\"\\|&;<>(){}#`\n=*!?", max_size=40))
def test_any_text_parses_or_is_refused_cleanly(text: str) -> None:
    try:
        grammar.parse(text)
    except (lexer.Incomplete, lexer.ShellSyntaxError):
        pass


@given(st.text(alphabet="ab \\x0123n", max_size=20))
def test_escapes_of_any_text_decode(text: str) -> None:
    lexer.decode_escapes(text)


@pytest.mark.parametrize(
    "text", ["echo 'a", 'echo "a', "echo $(a", "if true", "for i in 1", "a &&", "a |", "{ a", "( a", "a \\"]
)
def test_what_is_not_finished_is_incomplete(text: str) -> None:
    with pytest.raises(lexer.Incomplete):
        grammar.parse(text)


@pytest.mark.parametrize("text", [")", "| a", "a && && b", "fi", "a ;; b", "if ; then b; fi", "a > "])
def test_what_can_never_be_right_is_a_syntax_error(text: str) -> None:
    with pytest.raises(lexer.ShellSyntaxError):
        grammar.parse(text)


@given(st.text(max_size=30).filter(lambda text: "\0" not in text and "'" not in text))
def test_a_quoted_word_is_one_word_whatever_is_in_it(text: str) -> None:
    command = grammar.parse(f"echo '{text}'").items[0].pipeline.commands[0]
    assert command.words[1] == (lexer.Part("text", text, quoted=True),)


#: Expressions whose value is the same in the shell and in Python.
EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "&", "|", "^"]), inner).map(
        lambda parts: f"({' '.join(parts)})"
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, EXPRESSIONS, st.sampled_from(["+", "-", "*", "&", "|", "^", "<<", ">>"]))
def test_arithmetic_has_the_precedence_that_it_has_in_python(left: str, right: str, operator: str) -> None:
    text = f"{left} {operator} 3 * {right}" if operator not in ("<<", ">>") else f"{left} {operator} 3 + 1"
    assert arithmetic.evaluate(text, lambda _name: "0") == eval(text)


@given(st.text(alphabet="0189 ab+-*/%()<>=!&|^~?:x", max_size=20))
def test_any_text_is_an_expression_or_is_refused_cleanly(text: str) -> None:
    try:
        arithmetic.evaluate(text, lambda _name: "1")
    except arithmetic.ArithmeticFailure:
        pass
