# qvdhouse_embed_text(ROOM FILE HEADER FUNCTION): puts a text file into a room's library, as what
# `std::string_view FUNCTION()` of qvdhouse::ROOM returns; HEADER declares it.
function(qvdhouse_embed_text room file header name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  set(output ${CMAKE_BINARY_DIR}/embedded/${name}.cc)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT "// Written by cmake/embed_text.cmake.
#include \"@header@\"

namespace qvdhouse::@room@ {

std::string_view @name@() {
  return R\"embedded(@text@)embedded\";
}

}  // namespace qvdhouse::@room@
")
  target_sources(qvdhouse_${room} PRIVATE ${output})
endfunction()
