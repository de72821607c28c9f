#include "support/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

extern char** environ;  // NOLINT(readability-redundant-declaration): not in every <unistd.h>

namespace lowleg::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds tick{5};

int nameless_file()
{
    auto path = (std::filesystem::temp_directory_path() / "lowleg-test-XXXXXX").string();
    const int file = mkstemp(path.data());
    if (file < 0) throw std::runtime_error{"no temporary file: " + std::string{std::strerror(errno)}};
    unlink(path.c_str());
    fcntl(file, F_SETFD, FD_CLOEXEC);
    return file;
}

std::string contents(int file)
{
    struct stat facts{};
    if (fstat(file, &facts) != 0) return {};
    std::string text(static_cast<std::size_t>(facts.st_size), '\0');
    const auto n = pread(file, text.data(), text.size(), 0);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
}

std::string find_program(const std::string& name)
{
    if (name.find('/') != std::string::npos) return name;
    const char* path = std::getenv("PATH");
    std::istringstream folders{path != nullptr ? path : ""};
    for (std::string folder; std::getline(folders, folder, ':');) {
        const auto candidate = folder + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    throw std::runtime_error{"\"" + name + "\" is not in PATH"};
}

std::vector<std::string> environment_with(const Process::Environment& changes)
{
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        if (changes.find(std::string{text.substr(0, text.find('='))}) == changes.end()) result.emplace_back(text);
    }
    for (const auto& [name, value] : changes)
        if (!value.empty()) result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts)
{
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

}  // namespace

std::string describe(const Ending& ending)
{
    if (ending.status) return "exit status " + std::to_string(*ending.status);
    if (ending.signal) return "killed by signal " + std::to_string(*ending.signal);
    return "still running";
}

Process::Process(const std::vector<std::string>& arguments, const Environment& changes)
{
    // All that allocates happens before fork(): afterwards only what is safe in a signal handler may be called.
    const auto program = find_program(arguments.at(0));
    auto words = arguments;
    auto variables = environment_with(changes);
    const auto argv = pointers_to(words);
    const auto envp = pointers_to(variables);
    output_ = nameless_file();
    error_ = nameless_file();
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    id_ = fork();
    if (id_ == 0) {
        setpgid(0, 0);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        dup2(nothing, STDIN_FILENO);
        dup2(output_, STDOUT_FILENO);
        dup2(error_, STDERR_FILENO);
        execve(program.c_str(), argv.data(), envp.data());
        _exit(127);
    }
    close(nothing);
    if (id_ < 0) throw std::runtime_error{"fork: " + std::string{std::strerror(errno)}};
    setpgid(id_, id_);  // also here: whichever of the two comes first
}

Process::~Process()
{
    (void)stop(std::chrono::seconds{2});
    if (output_ >= 0) close(output_);
    if (error_ >= 0) close(error_);
}

void Process::reap(bool block)
{
    if (ending_ || id_ <= 0) return;
    int status = 0;
    pid_t got = 0;
    do got = waitpid(id_, &status, block ? 0 : WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got != id_) return;
    if (WIFEXITED(status)) ending_ = Ending{WEXITSTATUS(status), std::nullopt};
    else if (WIFSIGNALED(status)) ending_ = Ending{std::nullopt, WTERMSIG(status)};
}

bool Process::is_running()
{
    reap(false);
    return !ending_;
}

std::optional<Ending> Process::wait_for(std::chrono::milliseconds limit)
{
    const auto deadline = Clock::now() + limit;
    while (is_running() && Clock::now() < deadline) std::this_thread::sleep_for(tick);
    return ending_;
}

bool Process::wait_for_output(std::string_view text, std::chrono::milliseconds limit)
{
    const auto deadline = Clock::now() + limit;
    for (;;) {
        const bool running = is_running();  // asked first: what it wrote before it ended counts
        if (standard_output().find(text) != std::string::npos) return true;
        if (!running || Clock::now() >= deadline) return false;
        std::this_thread::sleep_for(tick);
    }
}

void Process::send_signal(int number)
{
    if (is_running()) kill(-id_, number);
}

Ending Process::stop(std::chrono::milliseconds patience)
{
    send_signal(SIGTERM);
    if (!wait_for(patience)) {
        send_signal(SIGKILL);
        reap(true);
    }
    return *ending_;
}

std::string Process::standard_output() const { return contents(output_); }
std::string Process::standard_error() const { return contents(error_); }

Outcome run(const std::vector<std::string>& arguments, const Process::Environment& changes, std::chrono::milliseconds limit)
{
    Process process{arguments, changes};
    const auto ending = process.wait_for(limit);
    if (!ending)
        throw std::runtime_error{"\"" + arguments.at(0) + "\" has not ended in time; it wrote: " + process.standard_output() +
                                 process.standard_error()};
    return {*ending, process.standard_output(), process.standard_error()};
}

bool is_installed(const std::string& program)
{
    try {
        return !find_program(program).empty();
    } catch (const std::runtime_error&) {
        return false;
    }
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

}  // namespace lowleg::test
