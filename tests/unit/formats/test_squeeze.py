"""The script and the style of the page mean the same after they were squeezed."""

from __future__ import annotations

import re

import pytest

from pistat.formats import page, squeeze


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a { b: c d; }\n\n/* why */\ne > f { g: h }", "a{b:c d}e>f{g:h}", id="blanks"),
        pytest.param('a::after { content: " ↓ "; }', 'a::after{content:" ↓ "}', id="strings stay"),
        pytest.param("a { --ink: red; b: var(--ink) }", "a{--a:red;b:var(--a)}", id="variables"),
        pytest.param("a { b: calc(1px + 2px) }", "a{b:calc(1px + 2px)}", id="sums need their blanks"),
        pytest.param("a + b + .c { d: e !important; }", "a+b+.c{d:e!important}", id="selectors do not"),
    ],
)
def test_css(text: str, expected: str) -> None:
    """Comments and needless blanks go, nothing else."""
    assert squeeze.css(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("const long = 1;\nuse(long);", "let a=1;use(a);", id="a name"),
        pytest.param("const one = 1, other = one;", "let a=1,b=a;", id="two"),
        pytest.param(
            "function long(first, second = 2) {\n  return first + second; }",
            "function c(a,b=2){return a+b}",
            id="parameters",
        ),
        pytest.param("const [one, other] = two;", "let[a,b]=two;", id="from a list"),
        pytest.param("const run = (one, [two]) => one + two;", "let c=(a,[b])=>a+b;", id="an arrow"),
        pytest.param("const long = x.long + { long: long };", "let a=x.long+{long:a};", id="keys stay"),
        pytest.param("const rows = []; use(...rows);", "let a=[];use(...a);", id="spread"),
        pytest.param('const long = "long // no";', 'let a="long // no";', id="strings stay"),
        pytest.param("const long = `long ${long + 1} b`;", "let a=`long ${a+1} b`;", id="in a template"),
        pytest.param('const long = /"long[^/]*/.test(long);', 'let a=/"long[^/]*/.test(a);', id="pattern"),
        pytest.param("const long = y ? long : z;", "let a=y?a:z;", id="a condition"),
        pytest.param("// why\nlet a = 1;\n  // and why\nlet long = 2;", "let b=1;let c=2;", id="comments"),
        pytest.param("a // (why)\nb", "a\nb", id="a comment within"),
        pytest.param("const document = 1;\nreturn other", "let a=1;return other", id="between words"),
        pytest.param("use(1);\n{\n  b;\n}\nc;", "use(1);{b}c;", id="lines"),
        pytest.param("const one = 1;\nlet [two] = one;\ntwo();", "let a=1,[b]=a;b();", id="lines of names"),
        pytest.param("if (c) {\n  let one = 1;\n}\nlet two = 2;", "if(c){let a=1}let b=2;", id="blocks"),
        pytest.param('return "a" + `b` in c;', 'return"a"+`b`in c;', id="beside texts"),
    ],
)
def test_js(text: str, expected: str) -> None:
    """Comments and needless blanks go, and what the script names itself is called by fewer letters."""
    assert squeeze.js(text) == expected


def test_names_are_not_mixed_up() -> None:
    """No two names of the script become one, and none becomes one that stands in it already."""
    names = [f"name{count}" for count in range(200)]
    script = "".join(f"const {each} = {count};\n" for count, each in enumerate(names)) + "use(a, B, aa);"
    given = re.findall(r"(?:let |,)(\w+)=", squeeze.js(script))

    assert len(set(given)) == len(names)
    assert not {"a", "B", "aa", "do", "if", "in", "of"} & set(given)


def test_the_page_can_be_closed() -> None:
    """Neither text holds what would end it within the page."""
    assert "</" not in page.script()
    assert "</" not in page.style()
