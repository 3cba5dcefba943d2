# SPDX-License-Identifier: Apache-2.0
# One interface target carries the language, the warnings and the sanitizers to everything built here.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_package(Threads REQUIRED)

add_library(slipring_flags INTERFACE)
target_compile_definitions(slipring_flags INTERFACE _GNU_SOURCE)
target_compile_options(
    slipring_flags
    INTERFACE -Wall
              -Wextra
              -Wpedantic
              -Wshadow
              -Wconversion
              -Wstrict-prototypes
              -Wmissing-prototypes
              -Wvla
              $<$<BOOL:${SLIPRING_WERROR}>:-Werror>
              -fno-common)
# now: symbols found at a first call are found again by each forked child, a page fault for each page that it takes.
target_link_options(slipring_flags INTERFACE -Wl,--as-needed -Wl,-z,now)
target_link_libraries(slipring_flags INTERFACE Threads::Threads)

if(SLIPRING_CRASHPOINTS)
    target_compile_definitions(slipring_flags INTERFACE SR_CRASHPOINTS=1)
endif()

if(SLIPRING_SANITIZE)
    set(sanitize -fsanitize=${SLIPRING_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    # gcc's manual: with sanitizers this warning is often false. It is an error in the builds without.
    target_compile_options(slipring_flags INTERFACE ${sanitize} $<$<C_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized>)
    target_link_options(slipring_flags INTERFACE ${sanitize})
endif()
