# The engine library is the one that packaging/engine/libchdb.sha256 pins (package-lock.json pins the
# package that it comes in). QVDHOUSE_ENGINE_LIBRARY_SHA256 is its hash, for `doctor --hash-library`.
# The target engine_library hashes it: once, and again when the library or the pin changes.
set(QVDHOUSE_ENGINE_LIBRARY_PIN ${PROJECT_SOURCE_DIR}/packaging/engine/libchdb.sha256)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${QVDHOUSE_ENGINE_LIBRARY_PIN})
file(READ ${QVDHOUSE_ENGINE_LIBRARY_PIN} pin)
if(NOT pin MATCHES "^([0-9a-f]+)  ([^\n]+)\n$")
  message(FATAL_ERROR "${QVDHOUSE_ENGINE_LIBRARY_PIN}: expected a line as sha256sum writes it")
endif()
set(QVDHOUSE_ENGINE_LIBRARY_SHA256 ${CMAKE_MATCH_1})
add_custom_target(engine_library
  COMMAND ${CMAKE_COMMAND} -DPIN=${QVDHOUSE_ENGINE_LIBRARY_PIN} -DSHA256=${CMAKE_MATCH_1}
          -DLIBRARY=${PROJECT_SOURCE_DIR}/packaging/engine/${CMAKE_MATCH_2}
          -DSTAMP=${CMAKE_BINARY_DIR}/engine_library.stamp
          -P ${PROJECT_SOURCE_DIR}/cmake/check_engine_library.cmake
  VERBATIM)
