// The program itself, where streams and signals are real.
#include <sys/wait.h>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

struct Ended {
    int status{-1};
    std::string out;  ///< stdout and stderr, as the command line says.
};

/// Runs a line of shell in which $LOWLEG is the program.
Ended shell(const std::string& line)
{
    Ended ended;
    ::setenv("LOWLEG", LOWLEG_BINARY, 1);
    auto* pipe = ::popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::array<char, 4096> piece{};
    for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;) ended.out.append(piece.data(), n);
    const int status = ::pclose(pipe);
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ended;
}

}  // namespace

TEST_CASE("statuses reach the shell", "[cli][program]")
{
    CHECK(shell("\"$LOWLEG\" --version").out.starts_with("lowleg 0."));
    CHECK(shell("\"$LOWLEG\" frobnicate 2>&1").status == 2);
    CHECK(shell("\"$LOWLEG\" identify --captures /nonexistent 2>&1").status == 1);
    CHECK(shell("\"$LOWLEG\" bench list").status == 0);
}

TEST_CASE("a reader that leaves early does no harm", "[cli][program]")
{
    // The status is that of the program, 0; a death by SIGPIPE would be 141.
    CHECK(shell("{ \"$LOWLEG\" bench show transformer; echo $? >&3; } 3>&1 1>/dev/null | cat").out == "0\n");
    CHECK(shell("exec 3>&1; { sleep 0.2; \"$LOWLEG\" bench show transformer 2>&3; echo $? >&3; } | true").out == "0\n");
}

TEST_CASE("a reader that leaves in the middle does no harm either", "[cli][program][numbers]")
{
    // The collection is written verdict by verdict, and its JSON is more than a pipe holds.
    CHECK(shell("exec 3>&1; { \"$LOWLEG\" identify --states through 2>&3; echo $? >&3; } | true").out == "3\n");
    CHECK(shell("exec 3>&1; { \"$LOWLEG\" identify --json --states through 2>&3; echo $? >&3; } | head -c 1 > /dev/null").out == "3\n");
}

TEST_CASE("a closed standard output is an error", "[cli][program]")
{
    const auto closed = shell("\"$LOWLEG\" bench list 2>&1 >&-");
    CHECK(closed.status == 1);
    CHECK(closed.out.starts_with("lowleg: "));
}

TEST_CASE("a file that may not grow is an error and leaves nothing behind", "[cli][program]")
{
    // ulimit counts blocks of 512 or 1024 bytes: 20 periods take 3.8 MB, ten blocks nowhere near that.
    const auto full = shell("d=$(mktemp -d) && (ulimit -f 10; \"$LOWLEG\" stimulus --out $d/x.wav 2>&1); s=$?; ls -A $d; rm -r $d; exit $s");
    CHECK(full.status == 1);
    CHECK(full.out.starts_with("lowleg: cannot write"));
    CHECK(full.out.find(".part") == std::string::npos);
}

TEST_CASE("a result that cannot be written is an error", "[cli][program]")
{
    const auto full = shell("\"$LOWLEG\" bench show transformer 2>&1 >/dev/full");
    CHECK(full.status == 1);
    CHECK(full.out.starts_with("lowleg: "));
}

TEST_CASE("colours are for terminals", "[cli][program]")
{
    CHECK(shell("TERM=xterm \"$LOWLEG\" bench list").out.find('\x1b') == std::string::npos);
}

TEST_CASE("an interrupted measurement ends in order", "[cli][program]")
{
    // 1000 periods of four states take longer than any of this. SIGINT is signal 2: bit 1 of the mask of those that are caught.
    const auto stopped = shell("\"$LOWLEG\" identify --bench transformer --periods 1000 2>&1 & pid=$!; "
                               "until grep -q 'SigCgt:.*[2367abef]$' /proc/$pid/status; do sleep 0.05; done; kill -INT $pid; wait $pid; exit $?");
    CHECK(stopped.status == 4);
    CHECK(stopped.out.starts_with("lowleg: stopped by hand"));
    // A closed terminal (SIGHUP, signal 1: bit 0), unless the program was told to live on.
    const auto hung_up = shell("\"$LOWLEG\" identify --bench transformer --periods 1000 2>&1 & pid=$!; "
                               "until grep -q 'SigCgt:.*[13579bdf]$' /proc/$pid/status; do sleep 0.05; done; kill -HUP $pid; wait $pid; exit $?");
    CHECK(hung_up.status == 4);
}
