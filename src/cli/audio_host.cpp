#include "cli/command.h"
#include "instrument/audio_host.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace lowleg::cli {

void add_audio_host(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto memory = std::make_shared<std::string>();
    // Started by the program itself: no user needs to read of it.
    auto* command = app.add_subcommand("audio-host", "moves the audio for a program that measures, which starts it by itself")->group("");
    command->add_option("MEMORY", *memory, "name of the memory that both share")->required();
    command->callback([memory, &terminal, &action] {
        action = [memory, &terminal] {
            const auto served = instrument::run_audio_host(*memory);
            return served ? static_cast<int>(ExitStatus::result) : fail(terminal, served.error());
        };
    });
}

}  // namespace lowleg::cli
