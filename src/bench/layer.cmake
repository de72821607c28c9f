# The circuits that ship, in the order in which they are shown, become part of the program, and the libraries that they include.
set(shipped
    transformer transformer-sectioned transformer-bifilar transformer-step-down transformer-bleeders transformer-center-tapped
    transformer-vintage transformer-small
    cross-coupled cross-coupled-1646 cross-coupled-unequal cross-coupled-discrete
    inverter inverter-100 inverter-300 inverter-capacitors inverter-from-pin-2 inverter-current-limited inverter-gain-error
    inverter-dead-leg
    impedance-balanced impedance-balanced-wrong-resistor impedance-balanced-capacitors impedance-balanced-pin3-hot
    unbalanced unbalanced-open unbalanced-pin3-hot
    dual-unbalanced dual-unbalanced-left-only insert insert-ring-send ground-sensing no-signal
    receiver-ina134 receiver-resistors-0p1pct receiver-resistors-1pct receiver-ingenius receiver-input-transformer receiver-unbalanced
    connection-inverter-ina134 connection-impedance-balanced-ingenius connection-transformer-resistors connection-wrong-resistor
    connection-unbalanced)

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
