#!/usr/bin/env python3
"""Checks that the sources keep to the layers of src/layers.txt. Prints offenders as file:line: reason; exit status 1 if any.

  check_layers.py [ROOT]        checks ROOT/src (default: the project that this script belongs to)
  check_layers.py --self-test   plants one violation of each kind in a copy of its own and demands to find them
"""
import pathlib
import re
import sys
import tempfile

THIRD_PARTY = {  # name in layers.txt: how its headers are written
    "fmt": r"fmt/", "kissfft": r"kissfft\.hh", "eigen": r"Eigen/", "sndfile": r"sndfile\.hh?", "json": r"nlohmann/",
    "portaudio": r"(portaudio|pa_\w+)\.h", "jack": r"jack/", "cli11": r"CLI/", "boost": r"boost/",
    "imgui": r"(imgui\w*|backends/imgui_impl_\w+)\.h", "glfw": r"GLFW/", "png": r"png\.h",
}
SYSTEM = r"(sys/\w+|unistd|fcntl|dlfcn|poll|pthread|signal|pwd|netinet/in|arpa/inet)\.h"  # POSIX, in .cpp files
STANDARD = r"[a-z0-9_]+"  # <vector>: no dot, no slash
REALTIME_STANDARD = set("algorithm array atomic bit cmath complex cstddef cstdint cstring limits numbers span type_traits utility variant".split())
LOGARITHMS_IN = "core/units.cpp"
LOGARITHM = re.compile(r"\b(log10|exp10)[fl]?\s*\(|\bpow[fl]?\s*\(\s*10(\.0*)?[fFlL]?\s*,")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
MARK = "LOWLEG_REALTIME"


def without_comments(text, keep_strings=False):
    """Same length and lines, comments (and the insides of strings) blanked."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'" and keep_strings:
            return found
        return re.sub(r"[^\n]", " ", found)
    return pattern.sub(blank, text)


def read_layers(path):
    layers = {}
    for line in path.read_text().splitlines():
        if not line[:1].isdigit():
            continue
        level, folder, may_include, third_party = [cell.strip() for cell in line.split("|")]
        layers[folder] = (int(level), may_include.split(), third_party.split())
    return layers


class Check:
    def __init__(self, root):
        self.src = root / "src"
        self.layers = read_layers(self.src / "layers.txt")
        self.offenders = []

    def offend(self, path, line, reason):
        self.offenders.append(f"{path.relative_to(self.src.parent)}:{line}: {reason}")

    def includes_of(self, path):
        text = without_comments(path.read_text(), keep_strings=True)
        for match in INCLUDE.finditer(text):
            yield text.count("\n", 0, match.start(2)) + 1, match.group(1) == '"', match.group(2)

    def closure(self, header):
        """A header and everything of the project that it includes."""
        seen, todo = set(), [header]
        while todo:
            name = todo.pop()
            if name in seen or not (self.src / name).is_file():
                continue
            seen.add(name)
            todo += [other for _, is_ours, other in self.includes_of(self.src / name) if is_ours]
        return seen

    def run(self):
        for folder, (level, may_include, _) in self.layers.items():
            for other in may_include:
                below = self.layers.get(other.split("/")[0])
                # A single file may be opened to a neighbour: that is what naming it is for.
                if below is None or below[0] > level or (below[0] == level and "/" not in other):
                    self.offend(self.src / "layers.txt", 1, f"{folder} may not include {other}: it is not below it")
        for path in sorted(self.src.iterdir()):
            if path.is_dir() and path.name not in self.layers:
                self.offend(path, 1, "this folder has no row in layers.txt")
        for folder in sorted({p.parent for p in self.src.rglob("*") if p.is_file()} - {self.src}):
            self.check_readme(folder)
        for path in sorted(self.src.rglob("*")):
            folder = path.relative_to(self.src).parts[0]
            if path.suffix in (".h", ".cpp") and folder in self.layers:
                self.check_includes(path, folder)
                self.check_logarithms(path)
                if path.suffix == ".h" and "rt" in path.relative_to(self.src).parts[:-1]:
                    self.check_marks(path)
        return self.offenders

    def check_readme(self, folder):
        readme = folder / "README.md"
        if not readme.is_file():
            self.offend(readme, 1, "missing: every folder says in two lines what belongs in it")
        elif len([line for line in readme.read_text().splitlines() if line.strip()]) != 2:
            self.offend(readme, 1, "must have two lines: a title, and what belongs here")

    def check_includes(self, path, folder):
        _, may_include, third_party = self.layers[folder]
        parts = path.relative_to(self.src).parts
        in_realtime = "rt" in parts[:-1]
        for line, is_ours, name in self.includes_of(path):
            if in_realtime:
                allowed = ("core/", *(f"{other}/rt/" for other in (folder, *may_include)))
                if not (name.startswith(allowed) if is_ours else name in REALTIME_STANDARD):
                    self.offend(path, line, f"{name} in the real-time zone: only core/, rt/ folders in reach and a few standard headers")
            elif is_ours:
                self.check_own_include(path, line, folder, name, may_include)
            else:
                self.check_foreign_include(path, line, name, third_party)

    def check_own_include(self, path, line, folder, name, may_include):
        if not (self.src / name).is_file():
            self.offend(path, line, f"{name}: no such file from src/ on")
            return
        other = name.split("/")[0]
        if other == folder or other in may_include:
            return
        for allowed in may_include:
            if "/" in allowed and name in self.closure(allowed):
                return
        self.offend(path, line, f"{folder} may not include {name}")

    def check_foreign_include(self, path, line, name, third_party):
        for library, pattern in THIRD_PARTY.items():
            if not re.match(pattern, name):
                continue
            if library not in third_party:
                self.offend(path, line, f"<{name}>: {library} does not belong in this layer")
            elif path.suffix != ".cpp":
                self.offend(path, line, f"<{name}> in a header: third party in .cpp files only")
            return
        if re.fullmatch(STANDARD, name):
            return
        if not re.fullmatch(SYSTEM, name):
            self.offend(path, line, f"<{name}>: not known; if it is third party, name it in layers.txt and in this script")
        elif path.suffix != ".cpp":
            self.offend(path, line, f"<{name}> in a header: system headers in .cpp files only")

    def check_logarithms(self, path):
        if path.relative_to(self.src).as_posix() == LOGARITHMS_IN:
            return
        text = without_comments(path.read_text())
        for match in LOGARITHM.finditer(text):
            self.offend(path, text.count("\n", 0, match.start()) + 1, f"decibels are made in {LOGARITHMS_IN} only: use gain_of or amplitude_ratio")

    def check_marks(self, path):
        """Every function that a header declares outside of bodies. A simple reader: it knows braces, not C++."""
        text = without_comments(path.read_text())
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)
        start, depth, i = 0, 0, 0  # depth: of parentheses
        while i < len(text):
            c = text[i]
            depth += (c == "(") - (c == ")")
            if c in "{};" and depth == 0:
                statement = text[start:i]
                if c != "}" and is_unmarked(statement):
                    at = start + len(statement) - len(statement.lstrip())
                    self.offend(path, text.count("\n", 0, at) + 1, f"a function in the real-time zone without {MARK}")
                if c == "{" and not re.search(r"\b(namespace|class|struct|union)\b[^()]*$|^\s*extern\s*$", re.sub(r"\balignas\s*\([^()]*\)", "", statement)):
                    i = end_of_block(text, i)
                start = i + 1
            i += 1


def end_of_block(text, i):
    depth = 0
    for j in range(i, len(text)):
        depth += (text[j] == "{") - (text[j] == "}")
        if depth == 0:
            return j
    return len(text)


def is_unmarked(statement):
    statement = re.sub(r"^(\s*(public|private|protected)\s*:)+", "", statement).strip()
    while (shorter := re.sub(r"<[^<>;{}]*>", "", statement)) != statement:  # parentheses in template arguments
        statement = shorter
    statement = re.sub(r"\[\[[^\]]*\]\]|\balignas\s*\([^()]*\)|\b(requires|static_assert|decltype|sizeof)\s*\([^()]*\)", " ", statement)
    if MARK in statement or re.match(r"(using|typedef|static_assert|friend\s+class|enum)\b", statement):
        return False
    if re.search(r"=\s*(default|delete)\s*$", statement):
        return False
    # What makes or ends an object is set-up, and what the compiler can compute allocates nothing that lasts.
    if re.match(r"\s*(explicit\s+)?~?\w+\s*\(", statement) or re.search(r"\bconstexpr\b.*\bnoexcept\b", statement, re.S):
        return False
    call = re.search(r"[\w>\]]\s*\(", statement)
    return call is not None and "=" not in re.sub(r"operator\s*[=!<>+\-*/]+", "", statement[:call.end()])


def check(root):
    return Check(root).run()


def self_test():
    layers = ("0 | core | | fmt\n1 | dsp | core | kissfft eigen\n2 | engine | core | portaudio\n2 | bench | core engine/backend.h | jack\n"
              "3 | topology | core dsp | \n")
    good = {
        "layers.txt": layers,
        "core/a.h": "#pragma once\n#include <vector>\n",
        "core/units.cpp": "double f(double x) { return log10(x) + pow(10, x); }\n",
        "dsp/b.cpp": '#include "core/a.h"\n#include <Eigen/Dense>\n// #include "topology/t.h", log10(x)\nconst char* s = "log10(x)";\n',
        "engine/backend.h": '#include "engine/rt/p.h"\n',
        "engine/rt/p.h": '#include "core/a.h"\n#include <atomic>\nnamespace n {\nclass P {\npublic:\n    P() = default;\n'
                         f"    explicit P(int x) {MARK} : x_{{x}} {{}}\n    void go(int (&a)[2]) {MARK};\n    int get() const {MARK} {{ if (x_) {{ return f(x_); }} return 0; }}\n"
                         "private:\n    int x_{0};\n    static constexpr int y_ = int(3);\n};\n}\n",
        "engine/private.h": "",
        "bench/rt/w.h": "#include <cmath>\n[[nodiscard]] constexpr int two() noexcept { return 2; }\nstruct T {\n    std::array<int, f(3).size()> a;\n};\n",
        "bench/v.cpp": '#include "engine/backend.h"\n#include "engine/rt/p.h"\n#include <jack/jack.h>\n#include <unistd.h>\n',
        "topology/t.h": '#include "core/a.h"\n',
    }
    planted = [  # file, what is written to it, what must be reported
        ("dsp/up.cpp", '\n#include "topology/t.h"\n', "src/dsp/up.cpp:2: dsp may not include topology/t.h"),
        ("bench/wide.cpp", '#include "engine/private.h"\n', "src/bench/wide.cpp:1: bench may not include"),
        ("dsp/foreign.cpp", "#include <jack/jack.h>\n", "src/dsp/foreign.cpp:1: <jack/jack.h>: jack does not belong"),
        ("dsp/open.h", "#include <Eigen/Dense>\n", "src/dsp/open.h:1: <Eigen/Dense> in a header"),
        ("dsp/strange.cpp", "#include <absl/any.hpp>\n", "src/dsp/strange.cpp:1: <absl/any.hpp>: not known"),
        ("dsp/system.h", "#include <unistd.h>\n", "src/dsp/system.h:1: <unistd.h> in a header"),
        ("dsp/gone.cpp", '#include "core/gone.h"\n', "src/dsp/gone.cpp:1: core/gone.h: no such file"),
        ("dsp/decibel.cpp", "double a = 20 * std::log10(2.0);\n", "src/dsp/decibel.cpp:1: decibels"),
        ("dsp/power.cpp", "\n\ndouble b = std::pow(10.0, 2);\n", "src/dsp/power.cpp:3: decibels"),
        ("engine/rt/string.h", "#include <string>\n", "src/engine/rt/string.h:1: string in the real-time zone"),
        ("engine/rt/out.h", '#include "engine/backend.h"\n', "src/engine/rt/out.h:1: engine/backend.h in the real-time zone"),
        ("bench/rt/wide.h", '#include "engine/rt/p.h"\n', "src/bench/rt/wide.h:1: engine/rt/p.h in the real-time zone"),
        ("engine/rt/free.h", "namespace n {\nvoid loose(int x);\n}\n", "src/engine/rt/free.h:2: a function in the real-time zone without"),
        ("engine/rt/member.h", "struct S {\n    int x{0};\n    int twice() const noexcept { return 2 * x; }\n};\n",
         "src/engine/rt/member.h:3: a function in the real-time zone without"),
        ("ui/README.md", "# ui\nA face.\n", "src/ui:1: this folder has no row"),
        ("dsp/README.md", "# dsp\n", "src/dsp/README.md:1: must have two lines"),
        ("topology/README.md", None, "src/topology/README.md:1: missing"),
        ("layers.txt", layers + "1 | files | core bench | \n", "src/layers.txt:1: files may not include bench"),
    ]

    def tree(root, extra=None):
        files = dict(good)
        files |= {f"{folder}/README.md": "# x\nWhat belongs here.\n" for folder in ("core", "dsp", "engine", "engine/rt", "bench", "bench/rt", "topology")}
        if extra:
            files[extra[0]] = extra[1]
        for name, text in files.items():
            if text is None:
                continue
            path = root / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    failures = []
    with tempfile.TemporaryDirectory() as folder:
        found = check(tree(pathlib.Path(folder)))
        if found:
            failures.append("a clean tree is accused: " + "; ".join(found))
    for name, text, expected in planted:
        with tempfile.TemporaryDirectory() as folder:
            found = check(tree(pathlib.Path(folder), (name, text)))
            if len(found) != 1 or not found[0].startswith(expected):
                failures.append(f"planted in {name}: expected \"{expected}\", found {found}")
    for failure in failures:
        print(failure)
    print(f"{len(planted)} violations planted, {len(failures)} not found as they should be")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent).resolve()
    offenders = check(root)
    for offender in offenders:
        print(offender)
    return 1 if offenders else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
