# cmake -DFILES=a.cir;b.cir -DOUT=embedded.cpp -P embed_circuits.cmake: netlists become string literals.
set(rows "")
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME_WE)
    file(READ "${file}" text)
    if(NOT text MATCHES "^\\* ([^\n]*)\n")
        message(FATAL_ERROR "${file} does not begin with a title line \"* …\"")
    endif()
    set(title "${CMAKE_MATCH_1}")
    string(APPEND rows "    {R\"cir(${name})cir\", R\"cir(${title})cir\", R\"cir(${text})cir\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made from circuits/*.cir by embed_circuits.cmake.
#include \"bench/embedded_circuits.h\"

#include <array>

namespace lowleg::bench {

std::span<const ShippedCircuit> embedded_circuits() noexcept
{
    static constexpr auto circuits = std::to_array<ShippedCircuit>({
${rows}    });
    return circuits;
}

}  // namespace lowleg::bench
")
