# One function makes each module a static library `qvdhouse::<module>`: src/<module>/*.cc without tests,
# and src/<module>/*_test.cc as one test program <module>_test.

# Everything that also runs under the sanitizers: the tests of the modules (labels unit and engine),
# not those end to end (label whole).
add_custom_target(unit_tests)
# The programs of tests/fuzz, when they are built with libFuzzer.
add_custom_target(fuzzers)

# Left out: -Wnull-dereference, -Wrestrict and -Wstringop-overflow, which g++ 12 raises inside its own
# iostreams and fmt, and -Wmaybe-uninitialized, which it raises inside date. Instrumented code gives
# it more such false alarms, so the presets asan and tsan do not make warnings errors. A unity build
# takes its source files for headers (-Wsubobject-linkage) and each other's helpers for globals
# (hence -Wshadow=local).
add_library(qvdhouse_warnings INTERFACE)
target_compile_options(qvdhouse_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wold-style-cast
  -Wno-missing-field-initializers -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op -Wno-restrict -Wno-stringop-overflow
    -Wno-maybe-uninitialized -Wno-subobject-linkage -Wshadow=local>
  $<$<BOOL:${QVDHOUSE_WERROR}>:-Werror>)

add_library(qvdhouse_sanitizers INTERFACE)
if(QVDHOUSE_SANITIZE)
  target_compile_options(qvdhouse_sanitizers INTERFACE
    -fsanitize=${QVDHOUSE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(qvdhouse_sanitizers INTERFACE -fsanitize=${QVDHOUSE_SANITIZE})
endif()
if(QVDHOUSE_FUZZ)
  target_compile_options(qvdhouse_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Every program but the sanitized ones is hardened, so that the tests run what users run. The test
# hardening.programs reads the result off the programs themselves.
add_library(qvdhouse_hardening INTERFACE)
if(NOT QVDHOUSE_SANITIZE)
  target_compile_options(qvdhouse_hardening INTERFACE
    -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  target_compile_definitions(qvdhouse_hardening INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(qvdhouse_hardening INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

function(qvdhouse_module name)
  cmake_parse_arguments(module "" "" "MODULES;LIBS;ENGINE" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")

  add_library(qvdhouse_${name} STATIC ${sources})
  add_library(qvdhouse::${name} ALIAS qvdhouse_${name})
  target_include_directories(qvdhouse_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM module_MODULES PREPEND qvdhouse::)
  target_link_libraries(qvdhouse_${name} PUBLIC ${module_MODULES} ${module_LIBS} qvdhouse_sanitizers qvdhouse_hardening
                        PRIVATE qvdhouse_warnings)

  if(tests)
    qvdhouse_test(${name}_test UNIT SOURCES ${tests} LIBS qvdhouse::${name} ENGINE ${module_ENGINE})
  endif()
endfunction()

# A GoogleTest program; every TEST is a ctest of its own, named <program>.<Suite>.<Test>. UNIT labels
# it as one that runs under the sanitizers too, where all its tests are one ctest: to start it takes long
# there. Each of the suites ENGINE, which start the engine (their fixtures fail where a suite is not named),
# and of the SUITES is one ctest, named <program>.<Suite>: its tests share in one process what takes long to
# start. Those that may take longest are begun first. LONG suites are run when they are asked for (`./dev
# test` says how). A program with SUITES has no others.
function(qvdhouse_test name)
  cmake_parse_arguments(test "UNIT" "TIMEOUT" "SOURCES;LIBS;ENGINE;SUITES;LONG" ${ARGN})
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 300)
  endif()
  set(label whole)
  if(test_UNIT)
    set(label unit)
    add_dependencies(unit_tests ${name})
  endif()
  add_executable(${name} ${test_SOURCES})
  # Whatever loads into the real engine starts it from beside the test program.
  add_dependencies(${name} qvdhouse-engine)
  target_link_libraries(${name} PRIVATE ${test_LIBS} GTest::gmock GTest::gtest_main qvdhouse_warnings)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE
    QVDHOUSE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" QVDHOUSE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  qvdhouse_suites(${name} ${label} ${test_TIMEOUT} ${test_SUITES})
  qvdhouse_suites(${name} long ${test_TIMEOUT} ${test_LONG})
  qvdhouse_suites(${name} engine 900 ${test_ENGINE})
  if(test_SUITES)
    return()
  endif()
  list(TRANSFORM test_ENGINE APPEND ".*")
  list(JOIN test_ENGINE ":" engine_tests)
  if(engine_tests)
    string(PREPEND engine_tests "-")
  else()
    set(engine_tests "*")
  endif()
  if(QVDHOUSE_SANITIZE)
    qvdhouse_test_group(${name} others "${engine_tests}" ${label} 1800)
    return()
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${name}. TEST_FILTER "${engine_tests}" DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT ${test_TIMEOUT} COST ${test_TIMEOUT} LABELS ${label} ENVIRONMENT TEST_LABEL=${label})
endfunction()

# A ctest for each of these suites of a program, with one label, which the tests find in TEST_LABEL.
# "*/Suite" is that suite with all its parameters.
function(qvdhouse_suites name label timeout)
  foreach(suite ${ARGN})
    string(REPLACE "*/" "" suite_name ${suite})
    qvdhouse_test_group(${name} ${suite_name} ${suite}.* ${label} ${timeout})
  endforeach()
endfunction()

# Those tests of a program that `filter` takes as one ctest, named <program>.<group>. It has no regular
# expression for skipped tests: ctest would take what failed beside them for skipped.
function(qvdhouse_test_group name group filter label timeout)
  add_test(NAME ${name}.${group} COMMAND ${name} --gtest_filter=${filter})
  set_tests_properties(${name}.${group} PROPERTIES
    TIMEOUT ${timeout} COST ${timeout} LABELS ${label} ENVIRONMENT TEST_LABEL=${label}
    FAIL_REGULAR_EXPRESSION "Running 0 tests")
endfunction()

# A fuzz target (one LLVMFuzzerTestOneInput) with its seeds in tests/fuzz/corpus/<name>. Built with
# libFuzzer by the preset fuzz; every other build replays the seeds as a test, so that neither rots.
function(qvdhouse_fuzz name)
  cmake_parse_arguments(fuzz "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${fuzz_SOURCES})
  target_link_libraries(${name} PRIVATE ${fuzz_LIBS} qvdhouse_warnings)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  if(QVDHOUSE_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name})
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cc)
    add_test(NAME ${name}.replay COMMAND ${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(${name}.replay PROPERTIES TIMEOUT 300 LABELS unit)
    add_dependencies(unit_tests ${name})
  endif()
endfunction()
