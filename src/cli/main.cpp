#include "cli/run.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace {

volatile std::sig_atomic_t stop_requested = 0;

// The first signal asks for an orderly end, the next one ends the program at once.
extern "C" void request_stop(int signal)
{
    stop_requested = 1;
    struct sigaction at_once {};
    at_once.sa_handler = SIG_DFL;
    sigaction(signal, &at_once, nullptr);
}

void install_signals()
{
    struct sigaction stop {};
    stop.sa_handler = request_stop;  // without SA_RESTART: a prompt that waits for Enter ends, too
    sigaction(SIGINT, &stop, nullptr);
    sigaction(SIGTERM, &stop, nullptr);
    // Whoever reads the result may stop reading: that is no reason to die in the middle of a measurement.
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, nullptr);
}

lowleg::report::TextStyle style_of_stdout()
{
    lowleg::report::TextStyle style;
    if (isatty(STDOUT_FILENO) == 0) return style;
    // https://no-color.org: any value but an empty one switches colours off.
    const auto is_set = [](const char* name) { const char* value = std::getenv(name); return value != nullptr && *value != '\0'; };
    const char* term = std::getenv("TERM");
    style.colour = !is_set("NO_COLOR") && term != nullptr && std::strcmp(term, "dumb") != 0;
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = std::clamp<std::size_t>(size.ws_col, 40, 110);
    return style;
}

}  // namespace

int main(int argc, char** argv)
{
    install_signals();
    const lowleg::cli::Terminal terminal{.in = std::cin,
                                         .out = std::cout,
                                         .err = std::cerr,
                                         .style = style_of_stdout(),
                                         .err_is_terminal = isatty(STDERR_FILENO) != 0,
                                         .should_stop = [] { return stop_requested != 0; }};
    const int status = lowleg::cli::run({argv + std::min(argc, 1), argv + argc}, terminal);
    errno = 0;
    if (!std::cout.flush() && errno != EPIPE) {
        std::cerr << "lowleg: the result could not be written to standard output: make room, or send it elsewhere\n";
        return lowleg::cli::ExitStatus::error;
    }
    // Plainly: nothing is torn down here, because an audio library whose server died must not be called again.
    return status;
}
