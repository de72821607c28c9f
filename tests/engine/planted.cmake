# RealtimeSanitizer must report what is planted, or its silence elsewhere means nothing.
if(LOWLEG_SANITIZER STREQUAL "realtime")
    add_executable(planted_allocation engine/planted_allocation.cpp)
    target_link_libraries(planted_allocation PRIVATE lowleg_options lowleg::core)
    add_test(NAME engine.planted_allocation COMMAND planted_allocation)
    set_tests_properties(engine.planted_allocation PROPERTIES
        PASS_REGULAR_EXPRESSION "RealtimeSanitizer: unsafe-library-call.*malloc")
endif()
