# SPDX-License-Identifier: Apache-2.0
# The manual pages and the shells' completion, made by docs/generators/ from the programs' own --help and the public headers, and laid out in
# the build tree as an install lays them out: `man -M build/release/share/man slipring` reads them there. Left out, and said so, where
# python3 (or, for the manual, scdoc) is missing, and when building for another machine, whose programs cannot be asked.
find_program(SLIPRING_PYTHON3 NAMES python3 PATHS /usr/bin)
find_program(SLIPRING_SCDOC NAMES scdoc)

file(GLOB generators CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/generators/*.py")
file(GLOB public_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/slipring/*.h" "${PROJECT_SOURCE_DIR}/include/slipring/*.def")
file(GLOB manual_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/man/*.scd")
set(made_for --slipring "$<TARGET_FILE:slipring-program>" --slipringd "$<TARGET_FILE:slipringd-program>")

# made_by_script(NAME SCRIPT OUT DEPENDS...): NAME, of all, whenever what it is made from changed.
function(made_by_script name script out)
    set(stamp "${PROJECT_BINARY_DIR}/generated/${name}.stamp")
    add_custom_command(
        OUTPUT "${stamp}"
        COMMAND "${SLIPRING_PYTHON3}" -B "${PROJECT_SOURCE_DIR}/docs/generators/${script}" ${made_for} --out "${out}"
        COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}"
        DEPENDS slipring-program slipringd-program ${generators} ${ARGN}
        COMMENT "Making ${name}"
        VERBATIM)
    add_custom_target(${name} ALL DEPENDS "${stamp}")
endfunction()

if(CMAKE_CROSSCOMPILING OR NOT SLIPRING_PYTHON3)
    message(STATUS "No manual pages and no completion: they take python3, and programs that run here")
    return()
endif()

made_by_script(completion completion.py "${PROJECT_BINARY_DIR}/share")
install(DIRECTORY "${PROJECT_BINARY_DIR}/share/bash-completion" "${PROJECT_BINARY_DIR}/share/zsh" "${PROJECT_BINARY_DIR}/share/fish"
        DESTINATION "${CMAKE_INSTALL_DATADIR}")

if(NOT SLIPRING_SCDOC)
    message(STATUS "No manual pages: they take scdoc")
    return()
endif()
made_by_script(manual man.py "${PROJECT_BINARY_DIR}/share/man" ${public_headers} ${manual_sources})
install(DIRECTORY "${PROJECT_BINARY_DIR}/share/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}")
