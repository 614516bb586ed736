#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Copies lwIP's sources, applies our patches, makes lwIP's state per stack.

    perstack.py SRC OUT

SRC is the `src` folder of pristine lwIP; OUT is made anew.

Theory of operation
-------------------
lwIP keeps its state in some forty file-scope variables: one stack for each
process.  We want many stacks in one process, each driven by any thread.  As
Linux does for per-CPU variables, a variable listed as `stack` becomes a
*template*: its definition is renamed to NAME__tpl and put into the linker
section `lwip_tpl`, which holds nothing else.  An *image* is a copy of the
section, one for each stack.  A use of the variable becomes

    (*SKLI_PS(NAME__tpl))   that is   template address + skli_ps_offset

where `skli_ps_offset` is thread-local: the distance from the section to the
image of the stack that the thread works on (port/perstack.h).

A variable with file scope is renamed where it is used, token by token, except
where it names a member (after `.` or `->`).  A variable that a header declares
`extern` gets a macro in that header instead, so that other files, ours
included, use the plain name.

The list's other kind, `scratch`, is for variables that only live while one
packet is handled (the current headers, the parsed segment).  They become
thread-local, in the cheap initial-exec model.

Comments and strings are blanked in a shadow copy of the text with the same
length; all searching is done there, all editing in the text itself.

The list fails loudly: a variable that is not found exactly once is an error.
What the list forgets is caught by check-symbols on the compiled objects.
"""

import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SECTION = '__attribute__((section("lwip_tpl")))'
THREAD = '__thread __attribute__((tls_model("initial-exec")))'

# Either kind of comment, a string or a character constant.
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                   r"'(?:\\.|[^'\\\n])*'", re.S)


class Failure(Exception):
    """Something that stops the build; the text says what and where."""


def blank(text):
    """The text with comments and strings as spaces: same offsets."""
    return NOISE.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def read_list(path):
    """Lines `FILE NAME KIND [note]` as tuples; `#` starts a comment."""
    rows = []
    with open(path, encoding='ascii') as stream:
        for number, line in enumerate(stream, 1):
            words = line.split('#')[0].split(None, 3)
            if not words:
                continue
            if len(words) < 3 or words[2] not in ('stack', 'scratch'):
                raise Failure(f'{path}:{number}: want "FILE NAME '
                              f'stack|scratch [note]", got "{line.strip()}"')
            rows.append(tuple(words[:3]))
    return rows


def apply_patches(folder, out):
    """Applies FOLDER/*.patch to OUT in the order of their names."""
    for name in sorted(os.listdir(folder)):
        if not name.endswith('.patch'):
            continue
        done = subprocess.run(
            ['patch', '-p1', '--fuzz=0', '--batch', '--forward', '--silent',
             '--no-backup-if-mismatch', '-d', out,
             '-i', os.path.join(folder, name)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            universal_newlines=True, check=False)
        if done.returncode != 0:
            raise Failure(f'{name} does not apply:\n{done.stdout}')


def find_definition(shadow, name, where):
    """The one definition of NAME: at column 0, or a function's static."""
    pattern = re.compile(
        r'^(?P<lead>[ \t]*)(?P<type>(?:[A-Za-z_]\w*[ \t\*]+)+?[\*]*)'
        + name.replace(',', r'\s*,\s*') + r'(?P<dims>(?:\s*\[[^\]]*\])*)\s*(?P<init>=[^;]*)?;', re.M)
    found = []
    for match in pattern.finditer(shadow):
        words = match.group('type').split()
        if words[0] in ('extern', 'return', 'typedef', 'goto', 'else'):
            continue
        if match.group('lead') == '' or words[0] == 'static':
            found.append(match)
    if len(found) != 1:
        raise Failure(f'{where}: {len(found)} definitions of {name}, want 1')
    return found[0]


def end_of_scope(shadow, match):
    """Where the variable's scope ends: its function's, or the file's end."""
    if match.group('lead') == '':
        return len(shadow)
    return shadow.index('\n}', match.end())


def rename_uses(text, shadow, name, begin, end):
    """Sends each use of NAME in [begin, end) through SKLI_PS."""
    uses = re.compile(r'(?<![\w.])(?<!->)' + name + r'\b')
    parts = []
    last = begin
    for match in uses.finditer(shadow, begin, end):
        parts.append(text[last:match.start()])
        parts.append(f'(*SKLI_PS({name}__tpl))')
        last = match.end()
    return text[:begin] + ''.join(parts) + text[last:]


def make_template(text, name, where):
    """Turns one definition into a template; says if it has file scope."""
    shadow = blank(text)
    match = find_definition(shadow, name, where)
    local = match.group('type').split()[0] == 'static'
    if local:
        text = rename_uses(text, shadow, name, match.end(),
                           end_of_scope(shadow, match))
    begin, end = match.span()
    split = match.end('dims')
    head = re.sub(r'\b' + name + r'\b', name + '__tpl', text[begin:split])
    return text[:begin] + head + f' {SECTION}' + text[split:end] \
        + text[end:], local


def make_thread_local(text, name, where):
    """Turns one definition of a scratch variable into a thread-local one."""
    match = find_definition(blank(text), name, where)
    at = match.start('type')
    if match.group('type').split()[0] == 'static':
        at += len('static ')
    local = text[match.start('type'):].startswith('static')
    return text[:at] + THREAD + ' ' + text[at:], local


def edit_headers(out, name, kind):
    """Edits the `extern` declaration of NAME; there must be one."""
    pattern = re.compile(r'^([ \t]*extern[ \t]+)([^;()]*?\b)' + name
                         + r'\b([^;()]*);', re.M)
    count = 0
    for path in sources(out, '.h'):
        with open(path, encoding='latin-1') as stream:
            text = stream.read()
        for match in reversed(list(pattern.finditer(blank(text)))):
            count += 1
            pre, kind_of, post = match.groups()
            if kind == 'stack':
                new = (f'{pre}{kind_of}{name}__tpl{post};\n'
                       f'#define {name} (*SKLI_PS({name}__tpl))')
            else:
                new = f'{pre}{THREAD} {kind_of}{name}{post};'
            text = text[:match.start()] + new + text[match.end():]
            write(path, text)
    if count == 0:
        raise Failure(f'{name}: not static, yet no header declares it extern')


def sources(out, suffix):
    """All files of OUT with that suffix, in a fixed order."""
    for folder, folders, names in os.walk(out):
        folders.sort()
        for name in sorted(names):
            if name.endswith(suffix):
                yield os.path.join(folder, name)


def write(path, text):
    """Writes a file that lwIP may have shipped read-only."""
    os.chmod(path, 0o644)
    with open(path, 'w', encoding='latin-1') as stream:
        stream.write(text)


def rewrite(out, rows):
    """Rewrites each listed variable."""
    for name_of_file, name, kind in rows:
        path = os.path.join(out, name_of_file)
        if not os.path.exists(path):
            raise Failure(f'{name_of_file}: listed, but no such file')
        with open(path, encoding='latin-1') as stream:
            text = stream.read()
        edit = make_template if kind == 'stack' else make_thread_local
        text, local = edit(text, name, name_of_file)
        write(path, text)
        if not local:
            edit_headers(out, name, kind)


def main(argv):
    """Does it all; returns the exit code."""
    if len(argv) != 3:
        print('usage: perstack.py SRC OUT', file=sys.stderr)
        return 2
    src, out = argv[1:]
    try:
        if not os.path.exists(os.path.join(src, 'core', 'tcp.c')):
            raise Failure(f'{src}: no core/tcp.c: give the src folder of lwIP')
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(src, out)
        apply_patches(os.path.join(HERE, 'patches'), out)
        rewrite(out, read_list(os.path.join(HERE, 'perstack.list')))
    except Failure as why:
        shutil.rmtree(out, ignore_errors=True)
        print(f'perstack.py: {why}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
