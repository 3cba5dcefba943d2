# SPDX-License-Identifier: Apache-2.0
# slipring_program(NAME [FOLDERS folders...] [LINK targets...]): the program NAME from the *.c files of the current folder and of
# these folders in it.
# All but main.c becomes the static library <folder>_parts, so that unit tests can link it too.
# The target is called NAME-program, since `slipring` is also the library's.
function(slipring_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FOLDERS;LINK")
    cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME folder)
    list(TRANSFORM arg_FOLDERS APPEND "/*.c")
    file(GLOB sources CONFIGURE_DEPENDS *.c ${arg_FOLDERS})
    set(main_source "${CMAKE_CURRENT_SOURCE_DIR}/main.c")
    list(REMOVE_ITEM sources "${main_source}")

    add_library(${folder}_parts STATIC ${sources})
    target_link_libraries(${folder}_parts PUBLIC slipring_internal ${arg_LINK})
    target_include_directories(${folder}_parts PRIVATE "${PROJECT_SOURCE_DIR}") # its folders name each other from there
    add_dependencies(${folder}_parts slipring_generated)

    add_executable(${name}-program main.c)
    set_target_properties(${name}-program PROPERTIES OUTPUT_NAME ${name})
    target_include_directories(${name}-program PRIVATE "${PROJECT_SOURCE_DIR}")
    add_dependencies(${name}-program slipring_generated)
    target_link_libraries(${name}-program PRIVATE ${folder}_parts)
endfunction()
