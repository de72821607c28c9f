/// \file process.h
/// A child process under a test's control: started, watched, signalled by its id, and never left behind.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::test {

/// How a process ended: one of the two is set.
struct Ending {
    std::optional<int> status;  ///< Of a process that exited.
    std::optional<int> signal;  ///< That killed it.

    friend bool operator==(const Ending&, const Ending&) = default;
};
inline constexpr Ending exited(int status) { return {status, std::nullopt}; }
[[nodiscard]] std::string describe(const Ending&);

/// One child in a process group of its own, stopped when this object goes, and killed by the kernel if the test dies.
class Process {
public:
    using Environment = std::map<std::string, std::string>;

    /// \param arguments  [0] is the program, looked for in PATH unless it contains a "/".
    /// \param changes  set on top of the test's own environment; an empty value removes the variable.
    /// \throws std::runtime_error when the program cannot be started.
    explicit Process(const std::vector<std::string>& arguments, const Environment& changes = {});
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    /// \return nothing while it still runs when the time is over.
    std::optional<Ending> wait_for(std::chrono::milliseconds limit);
    /// Waits until stdout holds `text`. \return false when the process ended, or the time was over, without it.
    bool wait_for_output(std::string_view text, std::chrono::milliseconds limit);
    [[nodiscard]] bool is_running();

    /// To the process and its children. Nothing happens once it has ended.
    void send_signal(int number);
    /// SIGTERM, and SIGKILL for what is still there after `patience`. \return how it ended.
    Ending stop(std::chrono::milliseconds patience = std::chrono::seconds{5});

    [[nodiscard]] int id() const noexcept { return id_; }
    /// Everything written so far.
    [[nodiscard]] std::string standard_output() const;
    [[nodiscard]] std::string standard_error() const;

private:
    void reap(bool block);

    int id_{-1};
    int output_{-1};  // files without a name: a child never waits for a reader
    int error_{-1};
    std::optional<Ending> ending_;
};

/// One command from start to end. \throws std::runtime_error when it has not ended after `limit`; it is killed then.
struct Outcome {
    Ending ending;
    std::string output;
    std::string error;
};
Outcome run(const std::vector<std::string>& arguments, const Process::Environment& changes, std::chrono::milliseconds limit);

/// Whether PATH has this program.
[[nodiscard]] bool is_installed(const std::string& program);

/// Lines of `text`, without the last line break.
[[nodiscard]] std::vector<std::string> lines_of(const std::string& text);

}  // namespace lowleg::test
