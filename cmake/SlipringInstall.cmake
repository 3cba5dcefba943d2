# SPDX-License-Identifier: Apache-2.0
# `cmake --install`: headers, the libraries, binaries, pkg-config files and a CMake package.
include(CMakePackageConfigHelpers)

if(SLIPRING_SANITIZE OR SLIPRING_CRASHPOINTS)
    install(CODE "message(FATAL_ERROR \"a build with sanitizers or crash points is not for installing\")")
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/slipring")

install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/include/slipring" "${PROJECT_BINARY_DIR}/generated/slipring"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING
    PATTERN "*.h"
    PATTERN "*.def")

install(TARGETS slipring-program slipringd-program slipring-bench-program
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")

install(
    TARGETS slipring slipring-static slipring-usage slipring-usage-static
    EXPORT slipringTargets
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(
    EXPORT slipringTargets
    NAMESPACE slipring::
    DESTINATION "${package_dir}")

# The shipped price card: found beside the programs (agent/books/prices.h), in the build tree as well.
install(FILES "${PROJECT_SOURCE_DIR}/share/prices.yaml" DESTINATION "${CMAKE_INSTALL_DATADIR}/slipring")
configure_file("${PROJECT_SOURCE_DIR}/share/prices.yaml" "${PROJECT_BINARY_DIR}/share/slipring/prices.yaml" COPYONLY)

# Relative to the .pc file, so that `cmake --install --prefix` and moving the tree both work.
file(RELATIVE_PATH SLIPRING_PC_PREFIX "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
set(SLIPRING_PC_PREFIX "\${pcfiledir}/${SLIPRING_PC_PREFIX}")
cmake_path(APPEND SLIPRING_PC_INCLUDEDIR "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
cmake_path(APPEND SLIPRING_PC_LIBDIR "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/slipring.pc.in" "${PROJECT_BINARY_DIR}/slipring.pc" @ONLY)
configure_file("${PROJECT_SOURCE_DIR}/cmake/slipring-usage.pc.in" "${PROJECT_BINARY_DIR}/slipring-usage.pc" @ONLY)
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/slipringConfig.cmake.in" "${PROJECT_BINARY_DIR}/slipringConfig.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/slipringConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/slipring.pc" "${PROJECT_BINARY_DIR}/slipring-usage.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES "${PROJECT_BINARY_DIR}/slipringConfig.cmake"
              "${PROJECT_BINARY_DIR}/slipringConfigVersion.cmake" DESTINATION "${package_dir}")
