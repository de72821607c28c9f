target_compile_definitions(lowleg_ui PRIVATE LOWLEG_FONT_FOLDER="${LOWLEG_FONT_FOLDER}")
