#include "cli/run.h"
#include "ui/run_window.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

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
    // The terminal was closed: the drive must not end with a click. Under nohup it is no reason to stop.
    struct sigaction hang_up {};
    if (sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) sigaction(SIGHUP, &stop, nullptr);
    // Whoever reads the result may stop reading: that is no reason to die in the middle of a measurement.
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, nullptr);
    sigaction(SIGXFSZ, &ignore, nullptr);  // a file that may not grow is an error like a full disk
}

/// A terminal that obeys escape sequences.
bool is_capable_terminal(int descriptor)
{
    const char* term = std::getenv("TERM");
    return isatty(descriptor) != 0 && term != nullptr && *term != '\0' && std::strcmp(term, "dumb") != 0;
}

/// Who was to read standard output has closed the pipe.
bool reader_left()
{
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/// Somebody has pressed Enter, or closed standard input.
bool has_input()
{
    pollfd in{STDIN_FILENO, POLLIN, 0};
    return poll(&in, 1, 0) == 1;
}

lowleg::report::TextStyle style_of_stdout()
{
    lowleg::report::TextStyle style;
    if (isatty(STDOUT_FILENO) == 0) return style;
    // https://no-color.org: any value but an empty one switches colours off.
    const auto is_set = [](const char* name) { const char* value = std::getenv(name); return value != nullptr && *value != '\0'; };
    style.colour = !is_set("NO_COLOR") && is_capable_terminal(STDOUT_FILENO);
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = std::clamp<std::size_t>(size.ws_col, 40, 110);
    return style;
}

/// Somewhere that a window can appear.
bool has_display()
{
    const auto is_set = [](const char* name) { const char* value = std::getenv(name); return value != nullptr && *value != '\0'; };
#if defined(__APPLE__) || defined(_WIN32)
    return true;
#else
    return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
#endif
}

lowleg::Status open_window(const lowleg::cli::WindowWish& wish)
{
    lowleg::ui::WindowRequest request;
    if (!wish.device.empty()) request.place = lowleg::instrument::Place{false, wish.device};
    if (!wish.bench.empty()) request.place = lowleg::instrument::Place{true, wish.bench};
    request.settings = wish.settings;
    request.remembers = wish.remembers;
    request.first_frame_only = wish.first_frame_only;
    return lowleg::ui::run_window(request, [] { return stop_requested != 0; });
}

}  // namespace

int main(int argc, char** argv)
{
    install_signals();
    const lowleg::cli::Terminal terminal{.in = std::cin,
                                         .out = std::cout,
                                         .err = std::cerr,
                                         .style = style_of_stdout(),
                                         .err_is_terminal = is_capable_terminal(STDERR_FILENO),
                                         .should_stop = [] { return stop_requested != 0; },
                                         .has_line = has_input,
                                         .has_display = has_display(),
                                         .open_window = open_window};
    const int status = lowleg::cli::run({argv + std::min(argc, 1), argv + argc}, terminal);
    if (!std::cout.flush() && !reader_left()) {
        std::cerr << "lowleg: the result could not be written to standard output: make room, or send it elsewhere\n";
        return lowleg::cli::ExitStatus::error;
    }
    // Plainly: nothing is torn down here, because an audio library whose server died must not be called again.
    return status;
}
