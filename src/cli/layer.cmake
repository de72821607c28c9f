add_executable(lowleg cli/main.cpp)
target_link_libraries(lowleg PRIVATE lowleg_options lowleg::cli lowleg::instrument lowleg::report)
target_compile_definitions(lowleg_cli PRIVATE LOWLEG_VERSION="${PROJECT_VERSION}")
install(TARGETS lowleg RUNTIME)
