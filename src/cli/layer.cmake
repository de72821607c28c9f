target_compile_definitions(lowleg_cli PRIVATE LOWLEG_VERSION="${PROJECT_VERSION}")
