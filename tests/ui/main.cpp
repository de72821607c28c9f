// Catch2's own main, but for the part that the window's program has, too: the process that moves audio is this program, started again.
#include "instrument/audio_host.h"

#include <catch2/catch_session.hpp>

#include <string_view>

int main(int argc, char** argv)
{
    if (argc == 3 && std::string_view{argv[1]} == "audio-host") return lowleg::instrument::run_audio_host(argv[2]) ? 0 : 1;
    return Catch::Session().run(argc, argv);
}
