#include "live/program.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace lowleg::test {

ScratchDirectory::ScratchDirectory()
{
    auto pattern = (std::filesystem::temp_directory_path() / "lowleg-live-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"no temporary directory: " + std::string{std::strerror(errno)}};
    path_ = pattern;
}

ScratchDirectory::~ScratchDirectory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void Program::complete()
{
    environment_["XDG_RUNTIME_DIR"] = scratch().string();
    environment_["HOME"] = scratch().string();
    environment_["XDG_CONFIG_HOME"] = (scratch() / "config").string();
    environment_["LC_ALL"] = "C.UTF-8";
}

Outcome Program::run(const Words& words, std::chrono::seconds limit) const
{
    return test::run(Words{LOWLEG_BINARY} + words, environment_, limit);
}

std::unique_ptr<Process> Program::start(const Words& words) const
{
    return std::make_unique<Process>(Words{LOWLEG_BINARY} + words, environment_);
}

std::unique_ptr<Process> Program::start_shell(const std::string& line) const
{
    return std::make_unique<Process>(Words{"/bin/sh", "-c", line}, environment_);
}

std::unique_ptr<Process> Program::serve(const std::string& circuit, const Words& words) const
{
    auto bench = start(Words{"bench", "serve", circuit} + words);
    if (!bench->wait_for_output("\n", std::chrono::seconds{30}))
        throw std::runtime_error{"the bench is not served: " + bench->standard_output() + bench->standard_error()};
    return bench;
}

std::string Program::switch_command(const std::string& client) const
{
    return std::string{"'"} + LOWLEG_BINARY + "' bench switch {state} --name " + client + " >/dev/null && touch '" +
           scratch().string() + "'/{state}";
}

bool Program::wait_for_state(const std::string& state, std::chrono::seconds limit) const
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!std::filesystem::exists(scratch() / state)) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

Words operator+(Words words, const Words& more)
{
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

}  // namespace lowleg::test
