# cmake "-DFILES=a.cir;b.cir;c.lib" -DOUT=embedded.cpp -P embed_circuits.cmake: netlists become string literals.
set(circuits "")
set(libraries "")
set(library_count 0)
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME)
    file(READ "${file}" text)
    if(name MATCHES "\\.lib$")
        string(APPEND libraries "        {R\"cir(${name})cir\", R\"cir(${text})cir\"},\n")
        math(EXPR library_count "${library_count} + 1")
        continue()
    endif()
    if(NOT text MATCHES "^\\* ([^\n]*)\n")
        message(FATAL_ERROR "${file} does not begin with a title line \"* …\"")
    endif()
    set(title "${CMAKE_MATCH_1}")
    string(REGEX REPLACE "\\.cir$" "" name "${name}")
    string(APPEND circuits "        {R\"cir(${name})cir\", R\"cir(${title})cir\", R\"cir(${text})cir\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made from circuits/*.cir and circuits/*.lib by embed_circuits.cmake.
#include \"bench/embedded_circuits.h\"

#include <array>

namespace lowleg::bench {

std::span<const ShippedCircuit> embedded_circuits() noexcept
{
    static constexpr auto circuits = std::to_array<ShippedCircuit>({
${circuits}    });
    return circuits;
}

std::span<const ShippedLibrary> embedded_libraries() noexcept
{
    static constexpr std::array<ShippedLibrary, ${library_count}> libraries{{
${libraries}    }};
    return libraries;
}

}  // namespace lowleg::bench
")
