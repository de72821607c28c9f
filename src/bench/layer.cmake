# The circuits that ship, in the order in which they are shown, become part of the program, and the libraries that they include.
set(shipped transformer cross-coupled inverter impedance-balanced unbalanced dual-unbalanced)

set(circuits ${CMAKE_CURRENT_SOURCE_DIR}/bench/circuits)
list(TRANSFORM shipped REPLACE "(.+)" "${circuits}/\\1.cir" OUTPUT_VARIABLE files)
file(GLOB present CONFIGURE_DEPENDS ${circuits}/*.cir)
list(REMOVE_ITEM present ${files})
if(present)
    message(FATAL_ERROR "Not listed in src/bench/layer.cmake, so nobody would see it: ${present}")
endif()
file(GLOB libraries CONFIGURE_DEPENDS ${circuits}/*.lib)
list(APPEND files ${libraries})

set(embedded ${CMAKE_CURRENT_BINARY_DIR}/bench/embedded_circuits.cpp)
add_custom_command(OUTPUT ${embedded}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DOUT=${embedded} -P ${CMAKE_CURRENT_SOURCE_DIR}/bench/embed_circuits.cmake
    DEPENDS ${files} ${CMAKE_CURRENT_SOURCE_DIR}/bench/embed_circuits.cmake VERBATIM
    COMMENT "Embedding the virtual bench's circuits")
target_sources(lowleg_bench PRIVATE ${embedded})
