# qvdhouse_embed(): puts the files of the web page into a library, as the array that
# src/serve/assets.h declares. The page then needs no file on the user's machine and no network.
#
# The same file is the script that the build calls to write that array:
#   cmake -DFILES=a;b -DOUTPUT=assets.cc -P embed.cmake

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(QVDHOUSE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

  # qvdhouse_embed(TARGET DIR): all files of DIR, and the two libraries that the page uses
  # with their licences.
  function(qvdhouse_embed target dir)
    set(packages ${PROJECT_SOURCE_DIR}/packaging/dashboard)
    set(libraries ${packages}/node_modules/preact/dist/preact.module.js
                  ${packages}/node_modules/uplot/dist/uPlot.iife.min.js
                  ${packages}/node_modules/uplot/dist/uPlot.min.css
                  ${packages}/node_modules/preact/LICENSE
                  ${packages}/node_modules/uplot/LICENSE)
    foreach(library ${libraries})
      if(NOT EXISTS ${library})
        message(FATAL_ERROR "The page's libraries are not there yet (${library}). "
                            "Run: (cd ${packages} && npm ci --ignore-scripts)")
      endif()
    endforeach()
    file(GLOB pages CONFIGURE_DEPENDS ${dir}/*.html ${dir}/*.js ${dir}/*.css ${dir}/*.svg)
    set(files ${pages} ${libraries})
    set(output ${CMAKE_BINARY_DIR}/embedded/assets.cc)
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DOUTPUT=${output} -P ${QVDHOUSE_EMBED_SCRIPT}
      DEPENDS ${files} ${QVDHOUSE_EMBED_SCRIPT}
      COMMENT "Embedding the web page"
      VERBATIM)
    set_source_files_properties(${output} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    target_sources(${target} PRIVATE ${output})
  endfunction()
  return()
endif()

set(type_of_html "text/html; charset=utf-8")
set(type_of_js "text/javascript; charset=utf-8")
set(type_of_css "text/css; charset=utf-8")
set(type_of_svg "image/svg+xml")
set(type_of_txt "text/plain; charset=utf-8")

set(arrays "")
set(entries "")
set(count 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  if(name STREQUAL "LICENSE")
    get_filename_component(package ${file} DIRECTORY)
    get_filename_component(package ${package} NAME)
    set(name license-${package}.txt)
  endif()
  get_filename_component(extension ${name} LAST_EXT)
  string(SUBSTRING ${extension} 1 -1 extension)
  set(path /assets/${name})
  if(name STREQUAL "index.html")
    set(path /)
  endif()
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 etag)
  string(APPEND arrays "constexpr unsigned char kFile${count}[] = {${bytes}};\n")
  string(APPEND entries "      Asset{\"${path}\", \"${type_of_${extension}}\", text(kFile${count}), "
                        "\"\\\"${etag}\\\"\"},\n")
  math(EXPR count "${count} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Written by cmake/embed.cmake.
#include \"serve/assets.h\"

#include <array>

namespace qvdhouse::serve {
namespace {

${arrays}
template <std::size_t size>
std::string_view text(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::span<const Asset> assets() {
  static const std::array<Asset, ${count}> kAssets = {
${entries}  };
  return kAssets;
}

}  // namespace qvdhouse::serve
")
