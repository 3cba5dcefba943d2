# SPDX-License-Identifier: Apache-2.0
# What a builder may choose.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()

option(SLIPRING_WERROR "Treat warnings as errors" OFF)
set(SLIPRING_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them, e.g. address,undefined")
set(SLIPRING_BUILD_TESTS AUTO CACHE STRING "ON, OFF, or AUTO: when cmocka is installed")
set_property(CACHE SLIPRING_BUILD_TESTS PROPERTY STRINGS AUTO ON OFF)
option(SLIPRING_CRASHPOINTS "Compile the named crash points in (never in what is installed)" OFF)
